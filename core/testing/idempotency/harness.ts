/** What the author of an idempotency store writes, and all of it, to have its promises tested. */
import type { IdempotencyStore } from '../../idempotency-store.ts'
import type { PromiseCase } from '../contract/declare.ts'

/** One fresh store for one case. */
export interface IdempotencyHarness {
  readonly store: IdempotencyStore
  /** The same keys over another connection, as another process has them; where there is only one process, the same. */
  readonly elsewhere: IdempotencyStore
  /** Lets so many milliseconds pass for the store: those of its clock, or real ones. */
  pass(ms: number): Promise<void>
  /** Writes something into the place of a key that the store did not write. Left out: its case needs a written skip. */
  spoil?(key: string): Promise<void>
}

/** One promise with its test. */
export type IdempotencyCase = PromiseCase<IdempotencyHarness>
