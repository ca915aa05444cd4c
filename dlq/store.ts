/**
 * What a dead letter store offers beside the flow's half (core/contract.ts): the operators' half and the replay's.
 *
 *              park                requestReplay              claim
 *   (record) ───────▶ open ───────────────────────▶ requested ───────▶ replaying ── accepted ──▶ resolved
 *                      ▲                               ▲ ▲                │ │                    (7 days)
 *                      │                               │ └── released, ───┘ │
 *                      └──── failed again (replays+1) ─┼──── deferred ──────┤
 *                                                      └── owner died, or ──┘
 *                                                          lease ran out
 */
import type { DeadLetter, DeadLetterReason, JointWrite, Lag } from '../core/contract.ts'
import type { DeadLetterStore } from '../core/dead-letters.ts'
import type { MillraceError } from '../core/errors.ts'

export type LetterState = 'open' | 'requested' | 'replaying' | 'resolved'

/** What a list shows of a letter. Times are milliseconds since the epoch. */
export interface LetterSummary {
  readonly id: string
  readonly state: LetterState
  readonly mapping: string
  readonly function: string
  readonly source: string
  readonly recordId: string
  readonly reason: DeadLetterReason
  readonly errorName: string
  /** Its first 500 characters. */
  readonly errorMessage: string
  readonly fingerprint: string
  readonly attempts: number
  /** Replays that failed again. */
  readonly replays: number
  readonly bodyBytes: number
  readonly firstSeen: number
  readonly parkedAt: number
  readonly requestedAt?: number
  readonly resolvedAt?: number
}

export interface StoredLetter {
  readonly summary: LetterSummary
  readonly letter: DeadLetter
}

export interface ListFilter {
  readonly mapping?: string
  /** Left out: every state but `resolved`. */
  readonly state?: LetterState
  /** 1 or more. */
  readonly limit: number
  /** Goes on after this id, the last of the page before. */
  readonly before?: string
}

export type ReplaySelection = { readonly ids: readonly string[] } | { readonly all: true; readonly mapping?: string }

export interface ReplayAnswer {
  readonly requested: number
  /** Ids of the selection that are not replayed now, and why; letters that `all` passes over are not named. */
  readonly refused: readonly RefusedReplay[]
}

export interface RefusedReplay {
  readonly id: string
  readonly reason: 'unknown' | 'already requested' | 'being replayed' | 'resolved'
}

export interface LetterCount {
  readonly mapping: string
  readonly state: LetterState
  readonly letters: number
}

/** Replays that were asked for and that nobody has taken. */
export interface PendingReplays {
  readonly mapping: string
  readonly source: string
  readonly letters: number
  /** For how long the oldest of them could have been taken. */
  readonly waitedMs: number
}

/** What people ask of the store. Every promise rejects with STATE_UNAVAILABLE when the store cannot be used. */
export interface OperatorStore {
  /** The letters parked last, first; a record that was parked again keeps the place of its first time. */
  list(filter: ListFilter): Promise<readonly LetterSummary[]>
  /** Undefined when there is none with this id; an id typed by hand is understood (letter-id.ts). */
  get(id: string): Promise<StoredLetter | undefined>
  /** All or nothing: the selection is what is open at one moment, and durable when this resolves. */
  requestReplay(selection: ReplaySelection): Promise<ReplayAnswer>
  counts(): Promise<readonly LetterCount[]>
  /** One entry for each mapping and source whose requested letters wait for a process that hosts them. */
  pendingReplays(): Promise<readonly PendingReplays[]>
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
  /** Failures charged during this replay. */
  readonly attempts: number
  readonly requestedAt: number
  /** Claims on it in this replay that ended without a verdict. */
  readonly priorClaims: number
}

export interface ClaimRequest {
  readonly mapping: string
  readonly source: string
  readonly max: number
  /** Adds no more letters once their bodies reach this; one may always come. */
  readonly maxBytes: number
  readonly leaseMs: number
}

export interface Claimed {
  readonly letters: readonly ClaimedLetter[]
  /** Letters whose envelope cannot be read; they are open again, and the error says why. */
  readonly unreadable: readonly { readonly id: string; readonly error: MillraceError }[]
}

export type ClaimVerdict =
  | { readonly claim: Claim; readonly outcome: 'accepted' }
  | { readonly claim: Claim; readonly outcome: 'rejected' }
  | {
      readonly claim: Claim
      readonly outcome: 'returned'
      readonly attempts: number
      /** Not claimed again before this has passed; 0 for at once. */
      readonly delayMs: number
    }

/** What a replay needs of the store. A verdict on an outdated claim does nothing. */
export interface ReplayStore {
  /** Leases requested letters that are due, those requested first, and among them those parked first. */
  claim(request: ClaimRequest): Promise<Claimed>
  /** Resolves once all verdicts are durable; rejects when none is. */
  settle(verdicts: readonly ClaimVerdict[]): Promise<void>
  settleWithin(verdicts: readonly ClaimVerdict[]): JointWrite
  /** Extends the leases and answers which claims still hold. */
  renew(claims: readonly Claim[], leaseMs: number): Promise<readonly Claim[]>
  /** Takes back the letters of dead owners and ended leases; answers how many. */
  reclaim(mapping: string, source: string): Promise<number>
  /** When the next requested letter is due, in milliseconds since the epoch; undefined when none is requested. */
  nextDue(mapping: string, source: string): Promise<number | undefined>
  waiting(mapping: string, source: string): Promise<Omit<Lag, 'lane'>>
  /** A number that changes when a letter may have been requested, by anybody; cheap enough to be read often. */
  changes(): number
  /** Calls `wake` when a letter is requested through this process, until the answer is called. */
  watch(wake: () => void): () => void
}

export type LetterStore = DeadLetterStore & OperatorStore & ReplayStore
