/** The same job for every contestant: 1 KB records from memory, by hundreds, to a function that does nothing. */
import type { Order } from '../../../core/flow/policy.ts'

export const BATCH_SIZE = 100
export const BODY_BYTES = 1_024
export const RECORDS_A_ROUND = 200_000
export const CHANNEL = 'bench/records'

export interface Setup {
  /** `alone`: an engine that answers at once, so that the flow is all there is. */
  readonly engine: 'alone' | 'inline' | 'process'
  /** `lane`: four lanes, one batch of each at a time. `none`: one lane, of which many batches run at once. */
  readonly order: Extract<Order, 'lane' | 'none'>
}

/** Microseconds of CPU that a record cost. */
export interface Cost {
  readonly host: number
  /** Of all environments together; their start is not in it. */
  readonly environments: number
}
