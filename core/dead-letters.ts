/** What the flow asks of the store of dead letters, which also knows what was charged to records that are none. */
import type { Attempt, DeadLetter, JointWrite } from './contract.ts'

/** What the store knows of a record that comes again. */
export interface Recalled {
  readonly parked: boolean
  /** Failures charged before, the unfinished one of a suspect that took the host with it included. */
  readonly attempts: readonly Attempt[]
  /** Milliseconds since the epoch before which it is not to be tried, wherever it was meanwhile. Left out: at once. */
  readonly dueAt?: number
  /** Milliseconds since the epoch since when it could only be tried free of charge. Left out: it was not. */
  readonly freeSince?: number
}

/** The half of the dead letter store that the flow talks to. Every promise resolves when the change is durable. */
export interface DeadLetterStore {
  /**
   * An upsert on (mapping, source, id); with it stops what a letter says it stops. Answers `settled` when `joint` ran in the same transaction, else `parked`.
   * Rejects when nothing was stored; the caller keeps the records claimed and tries again.
   */
  park(letters: readonly DeadLetter[], joint?: JointWrite): Promise<'parked' | 'settled'>
  /** What is known of these ids; an id nothing is known of is left out. */
  recall(mapping: string, source: string, ids: readonly string[]): Promise<ReadonlyMap<string, Recalled>>
  /** Replaces the attempts remembered for a record that is not parked, or under an id of a replay's own. */
  remember(mapping: string, source: string, entries: readonly RememberedAttempts[]): Promise<void>
  /** Forgets the attempts remembered for records that were processed in the end. */
  forget(mapping: string, source: string, ids: readonly string[]): Promise<void>
  /** The lanes and keys that stopped behind a letter which is not resolved, and that nobody has told to go on. */
  stopped(mapping: string, source: string): Promise<ReadonlySet<string>>
  /** All that stopped in a mapping goes on, wherever it is read; answers what that is. */
  goOn(mapping: string): Promise<readonly string[]>
}

export interface RememberedAttempts {
  readonly id: string
  readonly attempts: readonly Attempt[]
  /** As recalled. */
  readonly dueAt?: number
  readonly freeSince?: number
}

/** What an alert says; times are milliseconds since the epoch. */
export type Alert = { readonly app: string; readonly at: number } & AlertContent

export type AlertContent =
  | {
      readonly alert: 'new failure'
      readonly fingerprint: string
      readonly errorName: string
      readonly errorMessage: string
      readonly letters: number
      readonly firstAt: number
    }
  /** At least so many were parked for the first time within so many milliseconds. */
  | { readonly alert: 'rate'; readonly letters: number; readonly withinMs: number }
  | { readonly alert: 'age'; readonly letter: string; readonly mapping: string; readonly parkedAt: number }
