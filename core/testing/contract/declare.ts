/** How a suite of promises becomes tests: one for each, skipped only with a written reason. */
import { type TestContext, test } from 'node:test'

/** One promise with its test. */
export interface PromiseCase<Harness> {
  /** The words of the promise; a skip names it by them. */
  readonly promise: string
  /** Optional abilities of the harness without which the case cannot be run. */
  readonly needs?: readonly (keyof Harness)[]
  /** Rejects when the promise is broken. */
  run(harness: Harness): Promise<void>
}

/** Promises that are not made, and why. */
export interface Skip {
  readonly reason: string
  readonly promises: readonly string[]
}

/**
 * Declares a test of `node:test` for every case. `prepare` is called once for each and makes what nothing else uses, to be
 * closed by `context.after`. Throws when a skip names a promise that does not exist.
 */
export const declareContract = <Harness>(
  name: string,
  cases: readonly PromiseCase<Harness>[],
  prepare: (context: TestContext) => Promise<Harness>,
  skips: readonly Skip[],
): void => {
  const known = new Set(cases.map(each => each.promise))
  for (const promise of skips.flatMap(skip => skip.promises))
    if (!known.has(promise)) throw new Error(`${name} skips a promise that does not exist: ${promise}`)
  for (const each of cases) {
    const skip = skips.find(({ promises }) => promises.includes(each.promise))
    test(`${name}: ${each.promise}`, { skip: skip?.reason ?? false }, async context => {
      const harness = await prepare(context)
      const missing = each.needs?.find(ability => !harness[ability])
      if (missing) throw new Error(`the harness has no ${String(missing)}: write it, or skip this promise and say why`)
      await each.run(harness)
    })
  }
}
