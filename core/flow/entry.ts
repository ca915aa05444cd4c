import type { Placed } from '../bag.ts'
import type { Attempt, Delivery, ErrorInfo } from '../contract.ts'

/** A delivery on its way through the flow, until it is settled or lost. The one mutable thing in this room. */
export interface Entry extends Placed {
  readonly delivery: Delivery
  readonly scope: Scope
  /** What the record takes of `maxInFlightBytes`. */
  readonly bytes: number
  /** By the monotonic clock. */
  readonly arrivedAt: number
  /** Failures charged to the record; may be more than `history` tells of. */
  charged: number
  history: readonly Attempt[]
  /** Tries that did not succeed, free ones included. */
  tries: number
  /** Since when it could only be tried for free, by the monotonic clock. */
  freeSince: number | undefined
  /** Failed probes of an open breaker. */
  probes: number
  /** Evidence says that it may take the process with it: it runs alone, charged beforehand. */
  readonly suspect: boolean
  /** Whether the last attempt of `history` was charged beforehand and still runs. */
  precharged: 'yes' | 'no'
  /** It is a dead letter already, only its source does not know. */
  readonly parkedBefore: boolean
  /** Why the mapping's filter could not read it: parked at its turn. */
  readonly unreadable: ErrorInfo | undefined
  /** The mapping's filter has no use for it. */
  readonly filtered: 'yes' | 'no'
  /** The part of a split batch it belongs to. */
  part: Part | undefined
  state: 'waiting' | 'running' | 'parking' | 'settling' | 'gone'
  /** What the source is being told became of it, for good. */
  verdict: 'accepted' | 'rejected' | undefined
  /** Whether it holds its scope while it is given back. */
  held: 'yes' | 'no'
}

/** A sequence within which order holds in this mapping: a lane, a key of a lane, or one record alone. */
export interface Scope {
  /** Null: one record alone, which nothing follows. */
  readonly name: string | null
  readonly lane: string
  /** What still has to run, in order. */
  readonly queue: Entry[]
  /** How many of its records run, or are being parked; the next ones wait for them. */
  busy: number
  /** By the monotonic clock; its head waits until then. */
  blockedUntil: number
}

/** A part of a batch that was split, to be run exactly as it is. */
export interface Part {
  readonly split: Split
  entries: Entry[]
}

/** How the splitting of one batch is going. */
export interface Split {
  /** Failed invocations in a row after which splitting stops: 2·log2(n). */
  readonly limit: number
  failedInARow: number
}

/** A record's own overhead in memory, beside its bytes; a guess that errs on the large side. */
const OVERHEAD_BYTES = 256

export const bytesOf = (delivery: Delivery): number => (delivery.record.body?.byteLength ?? 0) + OVERHEAD_BYTES

/** The split that begins with a failed batch of this many records. */
export const newSplit = (records: number): Split => ({
  limit: 2 * Math.ceil(Math.log2(Math.max(2, records))),
  failedInARow: 0,
})

/** A key's scope is named `lane NUL s:key`; people read `lane: key`. */
export const scopeText = (name: string): string => {
  const [lane, key] = name.split('\u0000')
  return key === undefined ? name : `${lane}: ${key.slice(2)}`
}
