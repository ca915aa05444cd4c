/**
 * The promises of a source (DESIGN section 5), each a case with the promise's words, as a function of a harness. The
 * harness is all that the author of a connector writes; a case that cannot hold is skipped with a written reason.
 */
import { type TestContext, test } from 'node:test'
import type { OutgoingRecord, ReadOptions, Source } from '../../core/contract.ts'
import { flowCases } from './source-cases-flow.ts'
import { pollCases } from './source-cases-poll.ts'
import { settleCases } from './source-cases-settle.ts'

/** One fresh channel for one case. */
export interface SourceHarness {
  /** A reader of the channel; the same group unless told otherwise, from the earliest record. */
  open(read?: Partial<ReadOptions>): Promise<Source>
  /** By an independent path, not by our code; all to one lane, in this order. */
  publish(bodies: readonly string[]): Promise<void>
  /** Through the connector's own sink. */
  send(records: readonly OutgoingRecord[]): Promise<void>
  /** What the broker still thinks unsettled by the group, asked by an independent path. */
  backlog(): Promise<number>
  /** A reader of the same group that claims so many records and dies without a word. */
  crash(claims: number): Promise<void>
  /** How long to wait for what is expected to come. Default: 10 s. */
  readonly patienceMs?: number
}

export interface SourceCase {
  readonly promise: string
  run(harness: SourceHarness): Promise<void>
}

export interface Skip {
  readonly reason: string
  readonly promises: readonly string[]
}

export const sourceCases: readonly SourceCase[] = [...pollCases, ...settleCases, ...flowCases]

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
    test(`${name}: ${each.promise}`, { skip: skip?.reason ?? false }, async context => each.run(await prepare(context)))
  }
}
