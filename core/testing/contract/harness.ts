/** What the author of a connector writes, and all of it, to have the promises of a source tested. */
import type { OutgoingRecord, ReadOptions, Source } from '../../contract.ts'
import type { PromiseCase } from './declare.ts'

/** One fresh channel for one case. */
export interface SourceHarness {
  /** A reader of the channel; the same group unless told otherwise, from the earliest record. */
  open(read?: Partial<ReadOptions>): Promise<Source>
  /** By an independent path, not by the connector's code; all to one lane, in this order. */
  publish(bodies: readonly string[]): Promise<void>
  /** Through the connector's own sink. */
  send(records: readonly OutgoingRecord[]): Promise<void>
  /** What the broker still thinks unsettled by the group, asked by an independent path. */
  backlog(): Promise<number>
  /** A reader of the same group that claims so many records and dies without a word. */
  crash(claims: number): Promise<void>
  /**
   * Every connection of the readers made by `open` is cut now, without a goodbye; new ones are taken. `publish` and
   * `backlog` are not affected. Left out: the cases about cut connections need a written skip.
   */
  cut?(): Promise<void>
  /** Resolves when the broker was restarted and takes connections again. Left out: its cases need a written skip. */
  restart?(): Promise<void>
  /** How long to wait for what is expected to come, in milliseconds. Default: 10,000. */
  readonly patienceMs?: number
}

/** One promise with its test. */
export type SourceCase = PromiseCase<SourceHarness>
