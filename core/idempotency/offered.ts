/** What the host offers a function for its keys: a store, through the host, and a name for whoever processes. */
import type { Clock } from '../clock.ts'
import type { IdempotencyStore } from '../idempotency-store.ts'

/** On the context of an invocation; the same symbol in every copy of the package. */
export const OFFERED: unique symbol = Symbol.for('millrace.idempotency')

export interface Offered {
  /** `app.mapping`: two functions that get the same record never keep each other from it. */
  readonly consumer: string
  readonly store: IdempotencyStore
  readonly clock: Clock
}

export const offeredBy = (context: object): Offered | undefined =>
  (context as { readonly [OFFERED]?: Offered | undefined })[OFFERED]
