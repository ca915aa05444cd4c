/** What the parts of a store share: its database, its clock and in whose name it claims. */
import type { Clock } from '../../core/clock.ts'
import type { JointWrite } from '../../core/contract.ts'
import type { Work } from './work.ts'

/** A database as the store needs it. Promises reject with STATE_UNAVAILABLE while it cannot be used. */
export interface LetterDatabase {
  /** In a transaction that no other write of any process overlaps; resolves once it is durable. */
  write<T>(work: () => Work<T>): Promise<T>
  /** Like `write`, for what need not survive a power cut. */
  claim<T>(work: () => Work<T>): Promise<T>
  read<T>(work: () => Work<T>): Promise<T>
  /** The work as half of somebody's transaction in the same database. */
  jointly(work: () => Work<unknown>): JointWrite
  /** Runs a foreign half inside the transaction that runs now; false when it belongs to another database. */
  runJoint(joint: JointWrite | undefined): boolean
  /** `(SELECT …)` of the texts in a JSON array, given as this placeholder. */
  texts(placeholder: string): string
  /** A text as this database can keep it: two that differ stay different. */
  storable(text: string): string
  /** The same for the id of a record, which has to fit an index. */
  identity(recordId: string): string
  /** The inverse of `storable`, for texts that are well-formed. */
  restored(text: string): string
  /** Rises when another process may have committed; cheap enough to be read often. */
  version(): number
  /** How long a look for news may be put off, in milliseconds. */
  readonly lookMs: number
  /** Mappings and sources of which nothing is stored; forgotten when another process commits. */
  readonly nothingKnown: Pick<Set<string>, 'has' | 'add' | 'delete'>
  readonly bodies: BodyStore
}

/** Where bodies lie that are too large for a row. Files are written before the row that names them, and go after it. */
export interface BodyStore {
  /** The name under which the body lies durably, or undefined when it is to lie in the database. */
  keep(body: Uint8Array): string | undefined
  read(name: string): Uint8Array
  /** To be called when no row names them any more. */
  remove(names: readonly string[]): void
}

export interface StoreLimits {
  /** Replays that failed again, after which a letter is quarantined. */
  readonly maxReplays: number
  readonly keepResolvedMs: number
  readonly keepArchivedMs: number
  /** Unresolved letters are removed after this; undefined: never. */
  readonly expireAfterMs: number | undefined
}

const DAY_MS = 24 * 3_600_000

export const DEFAULT_LIMITS: StoreLimits = {
  maxReplays: 5,
  keepResolvedMs: 7 * DAY_MS,
  keepArchivedMs: 30 * DAY_MS,
  expireAfterMs: undefined,
}

export interface Room {
  readonly database: LetterDatabase
  readonly clock: Clock
  /** Who makes the claims, as text (core/owner.ts). */
  readonly owner: string
  /** As the configuration is now. */
  readonly limits: () => StoreLimits
  readonly watchers: Watchers
}

/** Stores over one database of a process share these. */
export interface Watchers {
  readonly wakes: Set<() => void>
  changes: number
  /** When old letters were looked for last, in milliseconds since the epoch. */
  sweptAt: number
}

/** To be called once letters that were requested through this process are committed. */
export const wakeWatchers = ({ watchers }: Room): void => {
  watchers.changes += 1
  for (const wake of watchers.wakes) wake()
}
