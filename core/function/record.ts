/** A record as a function sees it. */
import type { EventRecord } from '../contract.ts'

export interface FunctionRecord<Data = unknown> {
  readonly id: string
  /** The address of its channel, `connection/channel`. */
  readonly source: string
  /** Milliseconds since the epoch, by the source's clock. */
  readonly time: number
  readonly key: EventRecord['key']
  readonly headers: EventRecord['headers']
  /** What the broker says of a record beside its headers: AMQP properties and the like. */
  readonly properties?: NonNullable<EventRecord['properties']>
  /** The bytes exactly as the broker had them; null is a tombstone. Not to be written to. */
  readonly body: Uint8Array | null
  /** The body decoded by the channel's codec and checked by its schema; null for a tombstone. */
  readonly data: Data
  /** Where the source had it: topic, partition and offset; queue and routing key; stream id; slot. */
  readonly position?: NonNullable<EventRecord['position']>
  /** The attempt this would be if it fails: 1 for a new record. */
  readonly attempt: number
  /** The same on every delivery of this record to this mapping: for a downstream API that takes such a key. */
  readonly idempotencyKey: string
  /** Raised with every delivery; a store that remembers the highest it saw can refuse outdated writers. */
  readonly fence: number
}

/** The records of one invocation, in the order of the source. */
export type Batch<Data = unknown> = readonly FunctionRecord<Data>[]
