/** The promises of an idempotency store, each a case with the promise's words, as a function of a harness. */
import { type TestContext, test } from 'node:test'
import type { Skip } from '../contract/harness.ts'
import { claimCases } from './claim-cases.ts'
import type { IdempotencyCase, IdempotencyHarness } from './harness.ts'
import { writeCases } from './write-cases.ts'

/** Every promise of an idempotency store. */
export const idempotencyCases: readonly IdempotencyCase[] = [...claimCases, ...writeCases]

/**
 * Declares a test of `node:test` for every promise. `prepare` is called once for each and makes a store that nothing else
 * uses, to be closed by `context.after`. Throws when a skip names a promise that does not exist.
 */
export const idempotencyContract = (
  name: string,
  prepare: (context: TestContext) => Promise<IdempotencyHarness>,
  skips: readonly Skip[] = [],
): void => {
  const known = new Set(idempotencyCases.map(each => each.promise))
  for (const promise of skips.flatMap(skip => skip.promises))
    if (!known.has(promise)) throw new Error(`${name} skips a promise that does not exist: ${promise}`)
  for (const each of idempotencyCases) {
    const skip = skips.find(({ promises }) => promises.includes(each.promise))
    test(`${name}: ${each.promise}`, { skip: skip?.reason ?? false }, async context => {
      const harness = await prepare(context)
      const missing = each.needs?.find(ability => !harness[ability])
      if (missing) throw new Error(`the harness has no ${missing}: write it, or skip this promise and say why`)
      await each.run(harness)
    })
  }
}
