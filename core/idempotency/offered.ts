/** What the host offers a function for its keys: a store, through the host, and a name for whoever processes. */
import type { Clock } from '../clock.ts'
import type { IdempotencyStore } from '../idempotency-store.ts'

/** On the context of an invocation; the same symbol in every copy of the package. */
export const OFFERED: unique symbol = Symbol.for('millrace.idempotency')

export interface Offered {
  /** Of the mapping and what in it processes: two functions that get the same record never keep each other from it. */
  readonly consumer: string
  readonly store: IdempotencyStore
  readonly clock: Clock
  /** The records are dead letters that somebody sent back. Default: false. */
  readonly replayed?: boolean
}

/** By the name of a mapping. */
export type Offer = (mapping: string) => Offered | undefined

/** The same, for records that are dead letters which somebody sent back. */
export const ofReplays =
  (offer: Offer): Offer =>
  mapping => {
    const offered = offer(mapping)
    return offered && { ...offered, replayed: true }
  }

export const offeredBy = (context: { readonly mapping?: string }): Offered | undefined => {
  const offer = (context as { readonly [OFFERED]?: Offer | undefined })[OFFERED]
  return context.mapping === undefined ? undefined : offer?.(context.mapping)
}

/** Under which a mapping's own `idempotency` keeps its keys. */
export const mappingConsumer = (app: string, mapping: string): string => `${app}/${mapping}`

/** Under which a function of the mapping does that has `idempotency` itself: both may have it, and never meet. */
export const functionConsumer = (app: string, mapping: string): string => `${app}/${mapping}/record`
