/**
 * The promises of a source (DESIGN section 5), each a case with the promise's words, as a function of a harness. The
 * harness is all that the author of a connector writes; a case that cannot hold is skipped with a written reason.
 */
import { type TestContext, test } from 'node:test'
import { cutCases } from './cut-cases.ts'
import { flowCases } from './flow-cases.ts'
import type { Skip, SourceCase, SourceHarness } from './harness.ts'
import { pollCases } from './poll-cases.ts'
import { settleCases } from './settle-cases.ts'

/** Every promise of a source. */
export const sourceCases: readonly SourceCase[] = [...pollCases, ...settleCases, ...flowCases, ...cutCases]

/**
 * Declares a test of `node:test` for every promise of a source. `prepare` is called once for each and makes a channel
 * that nothing else uses, to be closed by `context.after`. Throws when a skip names a promise that does not exist.
 */
export const sourceContract = (
  name: string,
  prepare: (context: TestContext) => Promise<SourceHarness>,
  skips: readonly Skip[] = [],
): void => {
  const known = new Set(sourceCases.map(each => each.promise))
  for (const promise of skips.flatMap(skip => skip.promises))
    if (!known.has(promise)) throw new Error(`${name} skips a promise that does not exist: ${promise}`)
  for (const each of sourceCases) {
    const skip = skips.find(({ promises }) => promises.includes(each.promise))
    test(`${name}: ${each.promise}`, { skip: skip?.reason ?? false }, async context => {
      const harness = await prepare(context)
      const missing = each.needs?.find(ability => !harness[ability])
      if (missing) throw new Error(`the harness has no ${missing}: write it, or skip this promise and say why`)
      await each.run(harness)
    })
  }
}
