/**
 * The nouns of Millrace, and the promises between its rooms. No code lives here.
 *
 * A connector is a translator from a broker's way of delivering to `poll` and `settle`: no loop around user code, no
 * retry, no batching and no opinion about bodies.
 */
import type { Clock } from './clock.ts'
import type { MillraceError } from './errors.ts'
import type { IdempotencyStore } from './idempotency-store.ts'
import type { Log } from './log.ts'
import type { AnswerStream, DoorTools, OpenDoor } from './request-contract.ts'
import type { SlotStore } from './slots.ts'

export type HeaderValue =
  | string
  | Uint8Array
  | number
  | bigint
  | boolean
  | null
  | Date
  | readonly HeaderValue[]
  | { readonly [name: string]: HeaderValue }

/** A name and its value; a name may stand more than once, and the order is kept. */
export type Header = readonly [name: string, value: HeaderValue]

/** One event as plain immutable data: what a dead letter keeps and the console shows. */
export interface EventRecord {
  /** Unique within its source. `stable`: the same on every redelivery. `weak`: never used to tell duplicates. */
  readonly id: string
  readonly idStrength: 'stable' | 'weak'
  /** The channel's address, `connection/channel`. */
  readonly source: string
  /** Milliseconds since the epoch, by the source's clock. */
  readonly time: number
  readonly key: string | Uint8Array | null
  readonly headers: readonly Header[]
  /** What the broker says of a record beside its headers: AMQP properties and the like. */
  readonly properties?: Readonly<Record<string, HeaderValue>>
  /** The bytes exactly as the broker had them; null is a tombstone. */
  readonly body: Uint8Array | null
  /** Where the source had it: topic, partition and offset; queue and routing key; stream id; slot. */
  readonly position?: Readonly<Record<string, string | number>>
}

/** Our claim on a record, from `poll` until it is settled or lost. */
export interface Delivery {
  readonly record: EventRecord
  readonly lane: string
  /** Failures charged to the record so far, brought back by the source; 0 for a new one. */
  readonly attempts: number
  /** Milliseconds since the epoch at which a mapping first claimed it. */
  readonly firstSeen: number
  /**
   * How often a claim on it ended without a verdict, as the broker counts. Evidence, never attempts: a crash raises it
   * for innocent neighbours. Left out where the broker does not count.
   */
  readonly priorDeliveries?: number
  /**
   * Aborted when the claim is gone: partition revoked, channel closed, caller hung up. Frees credit at once. Many claims
   * may share one; when only some of them are lost, the others have another from then on: look again when it aborts.
   */
  readonly lost: AbortSignal
  /**
   * Aborted when the source is about to hand over what it owns, and wants back what does not run: the core releases it at
   * once, and what runs when it would have to wait. Such a release gives back that record alone. A claim that outlives
   * the handing over has another signal from then on, so that it is to be read anew each time.
   */
  readonly recalled?: AbortSignal
  /** Milliseconds since the epoch by which a request source wants its answer. */
  readonly deadline?: number
  /** Milliseconds since the epoch by which a request must have an environment; later it is given back. */
  readonly startBy?: number
  /** Of a request whose caller takes the answer piece by piece. */
  readonly answerStream?: AnswerStream
  /** A dead letter's id: the delivery skips filter and `maxAge` and starts at attempt 1. */
  readonly replayOf?: string
}

/** What became of a record, in the words of AMQP 1.0. A verdict is a value, never an exception. */
export type Settlement =
  | { readonly delivery: Delivery; readonly outcome: 'accepted'; readonly result?: unknown }
  /** Parked and confirmed elsewhere. */
  | { readonly delivery: Delivery; readonly outcome: 'rejected'; readonly reason: MillraceError }
  /** Give it back now. */
  | { readonly delivery: Delivery; readonly outcome: 'released'; readonly attempts: number }
  /** Give it back after `delayMs`, durably. */
  | { readonly delivery: Delivery; readonly outcome: 'deferred'; readonly attempts: number; readonly delayMs: number }

export interface Unsettled {
  readonly delivery: Delivery
  readonly error: MillraceError
}

export interface PollRequest {
  /** At most this many records, 1 or more. */
  readonly max: number
  /** At most this many of one lane, 1 or more, so that one lane cannot take all the credit. */
  readonly maxPerLane: number
  /** Stop adding records once their bodies reach this many bytes; one record may always come. */
  readonly maxBytes: number
  /** How long to wait for a first record; 0 answers at once. */
  readonly waitMs: number
  /** Lanes from which nothing is wanted now. */
  readonly skipLanes: ReadonlySet<string>
  readonly signal: AbortSignal
}

export interface Lag {
  readonly lane: string
  /** Records not yet settled, claimed ones included. */
  readonly records: number
  /** Milliseconds since the epoch at which the oldest of them was produced. */
  readonly oldest?: number
}

/** The promises of DESIGN section 5; `core/testing/contract` tests each with the same words. */
export interface Source {
  /** True only while this process owns its lanes alone. */
  readonly ordered: boolean
  /** `caller`: one attempt, no batch, no parking; whoever asked retries (HTTP). */
  readonly retries: 'core' | 'caller'
  /**
   * The delays, in milliseconds, ascending, that a deferral can take (a delay is rounded up to one of them, beyond the
   * last it is the last), or `any`. Empty: cannot defer. Only if nothing can expire or be lost on the way.
   */
  readonly deferStepsMs: readonly number[] | 'any'
  /** A claim cannot be kept longer than this; the core gives it back before 80 % of it. Left out: for ever. */
  readonly maxClaimMs?: number
  /**
   * Resolves as soon as it has one record, with at most `max`; empty after `waitMs`; with what it has when aborted.
   * What a failed poll did claim, the source finds again by itself. A rejection with a `fatal` error ends the mapping.
   */
  poll(request: PollRequest): Promise<readonly Delivery[]>
  /**
   * Answers with what is NOT settled; the core keeps those verdicts and tries again. May run while a poll waits.
   * Every delivery is settled once, or found lost; settling a lost delivery does nothing. On an ordered source,
   * releasing a record releases all claimed after it in its lane.
   */
  settle(settlements: readonly Settlement[]): Promise<readonly Unsettled[]>
  /**
   * A write that settles these in a transaction of the source's own database, or undefined where there is none: a
   * dead letter store in the same database then parks and settles at once.
   */
  settleWithin?(settlements: readonly Settlement[]): JointWrite | undefined
  /** Stops claiming and gives back what was not handed out. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Request sources: takes nothing more for good, so that callers go elsewhere; what is claimed may still end. */
  drain?(): void
  lag?(): Promise<readonly Lag[]>
  /** Gives unsettled records back; may be called twice. */
  close(): Promise<void>
}

/** Half of a transaction, run by whoever owns the other half. */
export interface JointWrite {
  /** Identity of the database; the write is only valid inside a transaction of this one. */
  readonly database: object
  write(): void
}

/** A record on its way out. What is left out is chosen by the sink. */
export interface OutgoingRecord {
  readonly id?: string
  readonly key?: string | Uint8Array | null
  readonly headers?: readonly Header[]
  readonly properties?: Readonly<Record<string, HeaderValue>>
  readonly body: Uint8Array | null
  /** Milliseconds since the epoch. */
  readonly time?: number
  /** Not to be delivered before this many milliseconds have passed; only where the channel can defer. */
  readonly delayMs?: number
  /** A position to keep where the sink can: the partition of a replayed record. */
  readonly position?: Readonly<Record<string, string | number>>
}

export interface Sink {
  /** Resolves once each record is durable at the broker (null) or certainly not or perhaps not (an error). */
  send(records: readonly OutgoingRecord[]): Promise<readonly (null | MillraceError)[]>
  close(): Promise<void>
}

export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

/** Where a reader without a position begins; a number is milliseconds since the epoch. */
export type StartPosition = 'earliest' | 'latest' | number

/** How a mapping reads its channel. */
export interface ReadOptions {
  readonly group: string
  readonly start: StartPosition
  /** The mapping's credit in records: what it may have claimed and unsettled at once. */
  readonly maxInFlight: number
  /** Aborted when nobody waits for the source any more: opening it may end at once then, by rejecting. */
  readonly signal?: AbortSignal
}

/** What every room is handed rather than reaching for it. */
export interface Context {
  readonly clock: Clock
  readonly log: Log
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** The folder of this app's state, absolute. */
  readonly stateDir: string
  /** The app's stores of idempotency keys and of slots; left out where there is no app, or it is the state folder. */
  readonly keys?: () => IdempotencyStore
  readonly slots?: () => Promise<SlotStore | undefined>
  /** The folder of the configuration: what relative paths in options start from. Left out: the working folder. */
  readonly folder?: string
}

/** One technology. `connect` is called once for a connection, however many mappings use it. */
export interface Connector<ConnectionOptions = unknown> {
  readonly kind: string
  connect(name: string, options: ConnectionOptions, context: Context): Promise<Connection>
}

/** One opened server, shared by the mappings and senders of an app. */
export interface Connection {
  openSource(channel: ChannelRef, read: ReadOptions): Promise<Source>
  openSink(channel: ChannelRef): Promise<Sink>
  /** Left out where it is nothing for keys, or slots. Closed by whoever opened it, before the connection. */
  openKeys?(): Promise<IdempotencyStore>
  openSlots?(): Promise<SlotStore>
  openDoor?(door: ChannelRef, tools: DoorTools): Promise<OpenDoor>
  check(): Promise<readonly Check[]>
  close(): Promise<void>
}

/** A channel as a connector sees it: plain data. */
export interface ChannelRef {
  /** What kind of place it is on its technology: queue, topic, stream. */
  readonly type: string
  readonly name: string
  /** `connection/channel`, the `source` of its records. */
  readonly address: string
  readonly options: Readonly<Record<string, unknown>>
}

/** One invocation that failed a record, as a dead letter keeps it. */
export interface Attempt {
  /** Counted from 1; `at`, in milliseconds since the epoch, is when it began. */
  readonly number: number
  readonly at: number
  /** Milliseconds; left out while it is not known to have ended. */
  readonly durationMs?: number
  /** The environment that ran it; `logs` are its last lines of output. */
  readonly environment?: string
  readonly error: ErrorInfo
  readonly logs?: readonly string[]
}

export interface ErrorInfo {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly stack?: string
}

export type DeadLetterReason =
  | 'exhausted'
  | 'not-retryable'
  | 'undecodable'
  | 'invalid'
  | 'expired'
  | 'starved'
  | 'crashed'
  /** Somebody, or another system, gave it up. */
  | 'parked'

/** A record that could not be processed, with everything needed to understand and replay it. */
export interface DeadLetter {
  readonly mapping: string
  readonly function: { readonly name: string; readonly version: string }
  readonly group: string
  readonly record: EventRecord
  readonly reason: DeadLetterReason
  readonly error: ErrorInfo
  readonly attempts: readonly Attempt[]
  /** Milliseconds since the epoch. */
  readonly firstSeen: number
  readonly parkedAt: number
  /** The letter this was a replay of. */
  readonly replayOf?: string
  /** The technology the record came from: `kafka`, `rabbitmq`. Left out by letters of before it was written down. */
  readonly kind?: string
  /** The letter that somebody edited, whose place this one took. */
  readonly editOf?: string
  /** Which system had given up on the record before it was adopted. */
  readonly adoptedFrom?: string
  /** The lane or key that stopped behind it (`onDeadLetter: 'stop'`), as the flow names it. */
  readonly stops?: string
}
