/**
 * What a dead letter store offers beside the flow's half (core/contract.ts): the operators' half. The replay's is in
 * replay-store.ts.
 *
 *              park             a job takes it
 *   (record) ───────▶ open ───────────────────────▶ replaying ── accepted ──▶ resolved
 *                      ▲ ▲                             │ │ ▲                  (7 days)
 *             restore  │ └──── failed again ───────────┤ └─┘ given back, or its owner died
 *                      │       (replays + 1)           │
 *                   archived ◀── archive ── open       └── for the last time ──▶ quarantined
 *                   (30 days)               quarantined                          (replayed only when asked by name)
 */
import type { DeadLetter, DeadLetterReason } from '../core/contract.ts'
import type { DeadLetterStore } from '../core/dead-letters.ts'
import type { JobRequest, JobStatus, PlannedReplay, ReplayStore, StartedReplay } from './replay-store.ts'

export const LETTER_STATES = ['open', 'replaying', 'resolved', 'archived', 'quarantined'] as const

export type LetterState = (typeof LETTER_STATES)[number]

/** What a list shows of a letter. Times are milliseconds since the epoch. */
export interface LetterSummary {
  readonly id: string
  readonly state: LetterState
  readonly mapping: string
  readonly function: string
  readonly source: string
  readonly recordId: string
  /** Text as it is, bytes as `base64:…`, longer than 500 characters as `sha256:…`. */
  readonly key: string | null
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
  readonly firstParkedAt: number
  /** The last time. */
  readonly parkedAt: number
  readonly requestedAt?: number
  readonly resolvedAt?: number
  readonly archivedAt?: number
  /** The replay that has it. */
  readonly job?: string
  readonly note?: string
}

export interface StoredLetter {
  readonly summary: LetterSummary
  readonly letter: DeadLetter
  readonly history: readonly LetterReplay[]
}

/** How one replay of a letter ended. */
export interface LetterReplay {
  readonly job: string
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly outcome: 'resolved' | 'failed'
  readonly message?: string
  /** Who asked for it, and why. */
  readonly operator: string
  readonly reason: string
}

/** Which letters; what is left out says nothing. All that is said must hold. */
export interface LetterFilter {
  readonly mapping?: string
  readonly function?: string
  readonly source?: string
  /** The name of the error. */
  readonly error?: string
  readonly fingerprint?: string
  /** As a summary shows it. */
  readonly key?: string
  readonly reason?: DeadLetterReason
  /** Left out: every state but `resolved` and `archived`. */
  readonly state?: LetterState
  /** Parked for the first time at this or later, in milliseconds since the epoch. */
  readonly since?: number
  /** Parked for the first time before this. */
  readonly until?: number
  readonly headers?: readonly HeaderTest[]
  /** Of bodies that are JSON. */
  readonly fields?: readonly FieldTest[]
}

/** A header there is, and what one of its values is as text. */
export interface HeaderTest {
  readonly name: string
  readonly value?: string
}

/** `order.items.0.sku` is a path; texts are compared as they are, other values as JSON writes them. */
export interface FieldTest {
  readonly path: string
  readonly value: string
}

export interface ListFilter extends LetterFilter {
  /** 1 or more. */
  readonly limit: number
  /** Goes on after this id, the last of the page before. */
  readonly before?: string
}

export interface LetterPage {
  readonly letters: readonly LetterSummary[]
  /** Where to go on (`before`); undefined when nothing is left. A page may end early, or empty, after looking at many. */
  readonly next?: string
}

export const GROUPINGS = ['error', 'function', 'mapping', 'day'] as const

export type Grouping = (typeof GROUPINGS)[number]

/** Filters that groups are counted by without looking at letters; times count by whole days, UTC. */
export type GroupFilter = Omit<LetterFilter, 'key' | 'reason' | 'headers' | 'fields'>

export interface GroupRequest extends GroupFilter {
  readonly by: Grouping
  readonly limit: number
  /** Groups to leave out from the front. */
  readonly offset?: number
}

export interface LetterGroup {
  /** A fingerprint, a function, a mapping, or a day as 2026-01-31. */
  readonly group: string
  readonly letters: number
  /** When the first of them was parked first, and the last of them last; milliseconds since the epoch. */
  readonly firstAt: number
  readonly lastAt: number
  /** Of one of them. */
  readonly errorName: string
  readonly errorMessage: string
}

export interface LetterCount {
  readonly mapping: string
  readonly state: LetterState
  readonly letters: number
}

/** Who does something, and why; both go to the audit. */
export interface Operator {
  readonly operator: string
  readonly reason: string
}

export type Selection = { readonly ids: readonly string[] } | { readonly filter: LetterFilter }

export interface Changed {
  readonly changed: number
  /** Named letters that are not there, or not in a state in which this can be done. */
  readonly refused: readonly { readonly id: string; readonly reason: string }[]
}

export interface AuditEntry extends Operator {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly action: string
  /** The id of a job or letter, or what was selected. */
  readonly subject: string
  readonly detail: string
}

/** What people ask of the store. Every promise rejects with STATE_UNAVAILABLE when the store cannot be used. */
export interface OperatorStore {
  /** The letters parked last, first; a record that was parked again keeps the place of its first time. */
  page(filter: ListFilter): Promise<LetterPage>
  /** The largest first; of days the latest first. */
  groups(request: GroupRequest): Promise<readonly LetterGroup[]>
  /** Undefined when there is none with this id; an id typed by hand is understood (letter-id.ts). */
  get(id: string): Promise<StoredLetter | undefined>
  counts(): Promise<readonly LetterCount[]>
  /** Replaces the note; the empty text removes it. False when there is no such letter. */
  note(id: string, note: string, by: Operator): Promise<boolean>
  /** Open and quarantined letters leave the lists; in slices, so that nobody waits long. */
  archive(selection: Selection, by: Operator): Promise<Changed>
  /** Archived letters are open again; named quarantined ones too, with their replays forgotten. */
  restore(selection: Selection, by: Operator): Promise<Changed>
  /** Removes letters for good that are not being replayed. */
  purge(selection: Selection, by: Operator): Promise<Changed>
  /** Takes in a letter as it was exported: with its history, open. False when there is one with its id already. */
  take(stored: ExportedLetter, by: Operator): Promise<boolean>
  audit(subject?: string): Promise<readonly AuditEntry[]>
  /** What a replay would do; changes nothing. */
  plan(request: JobRequest): Promise<PlannedReplay>
  /** Durable when this resolves. What is open at that moment is the selection, whatever is parked later. */
  startReplay(request: JobRequest, by: Operator): Promise<StartedReplay>
  /** Those made last, first. */
  jobs(filter?: { readonly state?: JobStatus['state']; readonly limit?: number }): Promise<readonly JobStatus[]>
  job(id: string): Promise<JobStatus | undefined>
  /** False when the job has ended, or there is none. */
  steer(id: string, to: 'paused' | 'running' | 'cancelled', by: Operator): Promise<boolean>
  /**
   * Stores `edited` as a letter of its own and resolves `id` in the same transaction; answers the new id, or undefined,
   * and nothing happened, unless `id` is open or quarantined.
   */
  edit(id: string, edited: DeadLetter, by: Operator): Promise<string | undefined>
}

/** A letter with what the store adds: what is exported and taken in again. */
export interface ExportedLetter {
  readonly id: string
  readonly state: LetterState
  readonly letter: DeadLetter
  readonly replays: number
  readonly note?: string
}

/** What alerts ask. */
export interface AlarmStore {
  /** Fingerprints whose first letter was parked at this or later, at most 100, the earliest first. */
  newFailures(since: number): Promise<readonly LetterGroup[]>
  /** How many letters were parked for the first time since; counted up to `most`. */
  parkedSince(since: number, most: number): Promise<number>
  /** Of those that lists show. */
  oldest(): Promise<LetterSummary | undefined>
  /** True for the first who asks in so many milliseconds, at most 30 days. */
  claimAlert(name: string, forMs: number): Promise<boolean>
}

export type LetterStore = DeadLetterStore & OperatorStore & ReplayStore & AlarmStore
