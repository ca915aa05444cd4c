/** The promises of an idempotency store, each a case with the promise's words, as a function of a harness. */
import type { TestContext } from 'node:test'
import { declareContract, type Skip } from '../contract/declare.ts'
import { claimCases } from './claim-cases.ts'
import type { IdempotencyCase, IdempotencyHarness } from './harness.ts'
import { togetherCases } from './together-cases.ts'
import { writeCases } from './write-cases.ts'

/** Every promise of an idempotency store. */
export const idempotencyCases: readonly IdempotencyCase[] = [...claimCases, ...writeCases, ...togetherCases]

/**
 * Declares a test of `node:test` for every promise. `prepare` is called once for each and makes a store that nothing else
 * uses, to be closed by `context.after`. Throws when a skip names a promise that does not exist.
 */
export const idempotencyContract = (
  name: string,
  prepare: (context: TestContext) => Promise<IdempotencyHarness>,
  skips: readonly Skip[] = [],
): void => {
  declareContract(name, idempotencyCases, prepare, skips)
}
