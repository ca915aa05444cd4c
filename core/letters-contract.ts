/** What an app offers for its dead letters: to a service that embeds it, to the command line, to tests. */
import type { JobRequest, JobStatus, PlannedReplay, RefusedReplay } from '../dlq/replay-store.ts'
import type {
  AuditEntry,
  Changed,
  ExportedLetter,
  GroupRequest,
  LetterFilter,
  LetterGroup,
  LetterPage,
  LetterSummary,
  ListFilter,
  StoredLetter,
} from '../dlq/store.ts'

/** Letters by their ids, or all that a filter matches. */
export type LetterSelection = { readonly ids: readonly string[] } | AllLetters

export interface AllLetters extends LetterFilter {
  readonly all: true
}

/** Who does it and why, for the audit. Default: nobody, for no reason. */
export interface ByWhom {
  readonly operator?: string
  readonly reason?: string
}

export interface ReplayOptions extends Omit<JobRequest, 'selection'>, ByWhom {}

export interface ReplayAnswer {
  /** The job; undefined when there was nothing to replay. */
  readonly job: string | undefined
  readonly requested: number
  /** Named letters that are not replayed, and why; letters that `all` passes over are not named. */
  readonly refused: readonly RefusedReplay[]
}

/** What is changed of a letter before it runs again; what is left out stays. */
export interface LetterEdit extends ByWhom {
  readonly body?: Uint8Array | null
  /** By name: the only value from then on; null removes the header. */
  readonly headers?: Readonly<Record<string, string | null>>
}

export interface EditAnswer {
  /** Of the copy. */
  readonly id: string
  /** The replay of it. */
  readonly job: string
}

/** The dead letters of an app; also those of other processes on the same state. Ids are understood as people type them. */
export interface DeadLetters {
  /** The letters parked last, first. Default limit: 100. */
  list(filter?: Partial<ListFilter>): Promise<readonly LetterSummary[]>
  /** One page of a list, within some ten milliseconds: it may end early, with where to go on. Default limit: 100. */
  page(filter?: Partial<ListFilter>): Promise<LetterPage>
  /** How many letters there are of each error, function, mapping or day. Default limit: 100. */
  groups(request: Omit<GroupRequest, 'limit'> & { readonly limit?: number }): Promise<readonly LetterGroup[]>
  /** Rejects with DEAD_LETTER_NOT_FOUND. */
  show(id: string): Promise<StoredLetter>
  /** What a replay of these would do. */
  plan(selection: LetterSelection, options?: ReplayOptions): Promise<PlannedReplay>
  /** Has them run again, by whichever process hosts their mapping; resolves when the job is durable. */
  replay(selection: LetterSelection, options?: ReplayOptions): Promise<ReplayAnswer>
  /** Those made last, first. Default limit: 50. */
  jobs(filter?: { readonly state?: JobStatus['state']; readonly limit?: number }): Promise<readonly JobStatus[]>
  /** Rejects with REPLAY_NOT_FOUND. */
  job(id: string): Promise<JobStatus>
  /** Nothing more is taken until it is resumed; what runs may end. False when the job has ended. */
  pauseReplay(id: string, by?: ByWhom): Promise<boolean>
  resumeReplay(id: string, by?: ByWhom): Promise<boolean>
  /** For good; what has not run stays open. */
  cancelReplay(id: string, by?: ByWhom): Promise<boolean>
  /** Rejects with DEAD_LETTER_NOT_FOUND. */
  note(id: string, note: string, by?: ByWhom): Promise<void>
  /** Out of the lists, and removed after `keepArchived`. */
  archive(selection: LetterSelection, by?: ByWhom): Promise<Changed>
  /** Archived letters are open again, and quarantined ones that are named. */
  restore(selection: LetterSelection, by?: ByWhom): Promise<Changed>
  /** Removes them for good. */
  purge(selection: LetterSelection, by?: ByWhom): Promise<Changed>
  /**
   * Stores a changed copy under an id of its own, resolves the letter in the same transaction and replays the copy.
   * Rejects with DEAD_LETTER_REFUSED unless `deadLetters.edit` is on, and for what the codec and schema of the channel
   * do not take; then nothing is changed.
   */
  edit(id: string, edit: LetterEdit): Promise<EditAnswer>
  /** Takes in what was exported; false when it is there already. Rejects with DEAD_LETTER_REFUSED. */
  take(exported: ExportedLetter, by?: ByWhom): Promise<boolean>
  /** Who did what: to a letter or job, or the last 200 things. */
  audit(subject?: string): Promise<readonly AuditEntry[]>
  /**
   * Lanes and keys of a mapping that stopped behind dead letters (`onDeadLetter: 'stop'`) go on, within a second and in
   * whichever process reads them; answers how many. Replaying such a letter with success does the same.
   */
  goOn(mapping: string): Promise<number>
}
