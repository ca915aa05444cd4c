/**
 * The promises of a source (DESIGN section 5), each a case with the promise's words, as a function of a harness. The
 * harness is all that the author of a connector writes; a case that cannot hold is skipped with a written reason.
 */
import type { TestContext } from 'node:test'
import { cutCases } from './cut-cases.ts'
import { declareContract, type Skip } from './declare.ts'
import { flowCases } from './flow-cases.ts'
import type { SourceCase, SourceHarness } from './harness.ts'
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
  declareContract(name, sourceCases, prepare, skips)
}
