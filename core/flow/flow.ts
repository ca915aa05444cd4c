/** One mapping at work: everything its rooms share. Made by `mapping.ts`, which also says when it starts and stops. */
import type { Bag, Placed } from '../bag.ts'
import type { Clock } from '../clock.ts'
import type { Attempt, Source } from '../contract.ts'
import type { DeadLetterStore } from '../dead-letters.ts'
import type { CodecName, Engine, ForeignEvents } from '../engine/contract.ts'
import type { MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Breaker } from './breaker.ts'
import type { Credit, SharedBytes } from './credit.ts'
import type { Entry } from './entry.ts'
import type { RecordFilter } from './filter.ts'
import type { OpenTime } from './open-time.ts'
import type { Outage } from './outage.ts'
import type { DeadLetterDestination, Parker } from './parker.ts'
import type { Policy } from './policy.ts'
import type { Settler } from './settler.ts'
import type { SuspectTurn } from './suspect.ts'
import type { Waiting } from './waiting.ts'

/** What a mapping is: plain data, fixed when the app starts. */
export interface MappingSpec {
  readonly app: string
  readonly name: string
  readonly functionName: string
  readonly group: string
  /** The channel's address, which is the `source` of its records. */
  readonly channel: string
  /** The technology of the channel. */
  readonly kind: string
  readonly codec: CodecName
  readonly hasSchema: boolean
  /** Left out where the function gets records in Millrace's own form. */
  readonly events?: ForeignEvents
  /** Its records are dead letters that somebody sent back. Default: false. */
  readonly replayed?: boolean
  readonly policy: Policy
}

/** What a mapping works with. */
export interface Tools {
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  readonly engine: Engine
  readonly store: DeadLetterStore
  readonly destinations: readonly DeadLetterDestination[]
  readonly sharedBytes: SharedBytes
  readonly suspectTurn: SuspectTurn
  /** Runs of the app in a row that ended without stopping, before this one. Asked for when the mapping starts to read. */
  readonly crashes: () => number
  /** The first of so many numbers in a row; they rise with every call, in this process and over restarts. */
  readonly nextFences: (count: number) => number
  readonly openSource: (signal: AbortSignal) => Promise<Source>
  /** Left out: every record is for the function. */
  readonly filter?: RecordFilter
}

/**
 *   starting ─▶ running ─▶ paused ─▶ running …        failed: by a fatal error, with its message
 *                  └──────────┴────▶ draining ─▶ stopped
 */
export type Phase = 'starting' | 'running' | 'paused' | 'draining' | 'stopped' | 'failed'

export interface Flow {
  readonly spec: MappingSpec
  readonly tools: Tools
  readonly waiting: Waiting
  readonly credit: Credit
  readonly settler: Settler
  readonly parker: Parker
  readonly counters: Counters
  readonly batches: Bag<Batch>
  /** Entries by the signal that tells that their claim is lost. */
  readonly claims: Map<AbortSignal, Claims>
  /** Records whose claim was lost while they ran, until their batch has ended. */
  readonly ghosts: Set<string>
  /** What is known of records whose claim was lost, which their next delivery may not tell. */
  readonly lostIds: Map<string, readonly Attempt[]>
  /** Signals of recalls that are listened to. */
  readonly recalls: WeakSet<AbortSignal>
  /** Until when recalled records wait, by the monotonic clock, should they come back. */
  readonly waits: Map<string, number>
  /** Attempts that are being written down: a stop waits for them, so that they survive it. */
  readonly writing: Set<Promise<unknown>>
  /** Lanes or keys that stopped behind a dead letter (`onDeadLetter: 'stop'`), by the name of their scope. */
  readonly stoppedScopes: Set<string>
  /** Resolves when the last look at what has stopped has ended. */
  stoppedKnown: Promise<void>
  source: Source
  phase: Phase
  breaker: Breaker
  readonly openTime: OpenTime
  /** While the source cannot be opened or read. */
  outage: Outage | undefined
  lastError: MillraceError | undefined
  /** False after a failing Init or a fatal error, until an invocation works again. */
  healthy: boolean
  /** Something changed: batches may be formed, records may be claimed. Cheap, may be called often. */
  changed(): void
}

/** What one signal tells of: the records of a lane, of a channel, or a single one. */
export interface Claims {
  readonly entries: Bag<Entry>
  /** Ends listening to the signal, which may live as long as the process. */
  readonly unwatch: () => void
}

/** Records that were given to an environment together. */
export interface Batch extends Placed {
  readonly requestId: string
  readonly entries: readonly Entry[]
  readonly kind: 'ordinary' | 'probe'
  readonly abort: AbortController
  /** Entries whose claim is still ours. */
  claimed: number
}

/** Counted since the mapping started; each record counts once for each thing that happened to it. */
export interface Counters {
  received: number
  /** Settled because the mapping's filter has no use for them. */
  filtered: number
  accepted: number
  retried: number
  deferred: number
  released: number
  parked: number
  lost: number
  /** Settled by what is known of an earlier delivery, without invoking. */
  repeated: number
  invocations: number
  failedInvocations: number
}

export const newCounters = (): Counters => ({
  received: 0,
  filtered: 0,
  accepted: 0,
  retried: 0,
  deferred: 0,
  released: 0,
  parked: 0,
  lost: 0,
  repeated: 0,
  invocations: 0,
  failedInvocations: 0,
})
