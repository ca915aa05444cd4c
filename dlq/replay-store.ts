/**
 * Replays as jobs, and what a process that works on one needs of the store.
 *
 *   job ── a part for each mapping and source ──▶ taken in order of parking, slice by slice, by who hosts the mapping
 */
import type { DeadLetter, JointWrite, Lag } from '../core/contract.ts'
import type { MillraceError } from '../core/errors.ts'
import type { LetterFilter } from './store.ts'

/** Where letters go: to the function that failed, to where the record came from, or to a channel by its address. */
export type ReplayTarget =
  | { readonly kind: 'function' }
  | { readonly kind: 'source' }
  | { readonly kind: 'channel'; readonly address: string }

export interface JobRequest {
  readonly selection: { readonly ids: readonly string[] } | { readonly filter: LetterFilter }
  /** Default: the function. */
  readonly target?: ReplayTarget
  /** Letters in a second at most. Default: as many as there is room for. */
  readonly perSecond?: number
  /** Letters of the job that are under way at once, at most. */
  readonly concurrency?: number
  /** So many go first, and the others once these have ended well enough. */
  readonly canary?: number
  /** The job stops when more than this share of what ended has failed, 0 to 1; looked at from the canary on, or from 20. */
  readonly stopAt?: number
}

export interface PlannedReplay {
  readonly selected: number
  readonly targets: readonly PlannedPart[]
  /** Letters of the selection that are not replayed, by why. */
  readonly ineligible: readonly { readonly reason: Ineligible; readonly letters: number }[]
  /** The largest first, at most 20. */
  readonly errors: readonly {
    readonly fingerprint: string
    readonly errorName: string
    readonly errorMessage: string
    readonly letters: number
  }[]
}

export type Ineligible = 'unknown' | 'being replayed' | 'resolved' | 'archived' | 'quarantined'

export interface PlannedPart {
  readonly mapping: string
  readonly source: string
  readonly letters: number
  /** Why these cannot run, as the configuration is. */
  readonly obstacle?: string
}

export interface StartedReplay {
  /** Undefined when there was nothing to replay. */
  readonly job: string | undefined
  readonly selected: number
  /** Named letters that are not replayed, and why. */
  readonly refused: readonly RefusedReplay[]
}

export interface RefusedReplay {
  readonly id: string
  readonly reason: Ineligible
}

export type JobState = 'running' | 'paused' | 'cancelled' | 'stopped' | 'done'

export interface JobStatus {
  readonly id: string
  readonly state: JobState
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly endedAt?: number
  readonly operator: string
  readonly reason: string
  readonly target: ReplayTarget
  readonly perSecond?: number
  readonly concurrency?: number
  readonly canary?: number
  readonly stopAt?: number
  readonly stoppedBecause?: string
  /** Open when the job was made; those that another replay, or an operator, takes meanwhile are not replayed by it. */
  readonly selected: number
  readonly resolved: number
  readonly failed: number
  /** Taken, and not ended. */
  readonly underWay: number
  readonly parts: readonly JobPart[]
}

export interface JobPart {
  readonly mapping: string
  readonly source: string
  readonly state: 'open' | 'taken' | 'done'
  readonly selected: number
  readonly taken: number
  readonly resolved: number
  readonly failed: number
}

/** A letter leased to this process; outdated as soon as another claim is made on it. */
export interface Claim {
  readonly id: string
  /** Raised with every claim on the letter. */
  readonly fence: number
}

export interface ClaimedLetter {
  readonly claim: Claim
  readonly letter: DeadLetter
  readonly job: string
  readonly target: ReplayTarget
  /** Replays of it that failed. */
  readonly replays: number
  /** Failures charged during this replay. */
  readonly attempts: number
  readonly requestedAt: number
  /** Claims on it in this replay that ended without a verdict. */
  readonly priorClaims: number
}

export interface ClaimRequest {
  readonly mapping: string
  readonly source: string
  /** Letters for the function, or those to be sent. */
  readonly by: 'function' | 'sending'
  /** `key`: one process at a time works on a part, so that order holds among the letters of a key. */
  readonly order: 'key' | 'none'
  readonly max: number
  /** Adds no more letters once their bodies reach this; one may always come. */
  readonly maxBytes: number
  readonly leaseMs: number
}

export interface Claimed {
  readonly letters: readonly ClaimedLetter[]
  /** Letters whose envelope cannot be read; they are open again, and the error says why. */
  readonly unreadable: readonly { readonly id: string; readonly error: MillraceError }[]
  /** When to look again although nothing was said to have changed, in milliseconds since the epoch. */
  readonly lookAt?: number
}

export type ClaimVerdict =
  | { readonly claim: Claim; readonly outcome: 'accepted' }
  | { readonly claim: Claim; readonly outcome: 'rejected'; readonly message?: string }
  | {
      readonly claim: Claim
      readonly outcome: 'returned'
      readonly attempts: number
      /** Not claimed again before this has passed; 0 for at once. */
      readonly delayMs: number
    }

/** What a replay needs of the store. A verdict on an outdated claim does nothing. */
export interface ReplayStore {
  /** Leases letters of running jobs: those given back that are due, then new ones, in the order of parking. */
  claim(request: ClaimRequest): Promise<Claimed>
  /** Resolves once all verdicts are durable; rejects when none is. */
  settle(verdicts: readonly ClaimVerdict[]): Promise<void>
  settleWithin(verdicts: readonly ClaimVerdict[]): JointWrite
  /** Extends the leases and answers which claims still hold. */
  renew(claims: readonly Claim[], leaseMs: number): Promise<readonly Claim[]>
  /** Takes back the letters of dead owners and ended leases; answers how many. */
  reclaim(mapping: string, source: string): Promise<number>
  waiting(mapping: string, source: string): Promise<Omit<Lag, 'lane'>>
  /** A number that changes when a letter may have been requested, by anybody; cheap enough to be read often. */
  changes(): number
  /** How long a look for news of other processes may be put off, in milliseconds. */
  readonly lookMs: number
  /** Calls `wake` when a letter is requested through this process, until the answer is called. */
  watch(wake: () => void): () => void
}
