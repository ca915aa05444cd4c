/** What the parts of the SQLite store share. */
import type { Clock } from '../core/clock.ts'
import type { Database } from '../core/database.ts'
import { type MillraceError, wrapError } from '../core/errors.ts'

export interface Room {
  readonly database: Database
  readonly clock: Clock
  /** Who makes the claims, as text (core/owner.ts). */
  readonly owner: string
  readonly known: Known
  readonly watchers: Watchers
}

/**
 * Stores over one database of a process share these, because SQLite does not tell a connection of its own changes.
 * `nothing` holds the mappings and sources of which no letter and no attempt is stored.
 */
export interface Known {
  readonly nothing: Set<string>
  version: number
}

export interface Watchers {
  readonly wakes: Set<() => void>
  changes: number
}

const shared = new WeakMap<Database, { readonly known: Known; readonly watchers: Watchers }>()

export const openRoom = (database: Database, clock: Clock, owner: string): Room => {
  const common = shared.get(database) ?? {
    known: { nothing: new Set<string>(), version: -1 },
    watchers: { wakes: new Set<() => void>(), changes: 0 },
  }
  shared.set(database, common)
  return { database, clock, owner, ...common }
}

/** Rises whenever another connection commits; reading it costs about a microsecond and takes no lock. */
export const dataVersion = (database: Database): number =>
  Number((database.sql('PRAGMA data_version').get() as { readonly data_version: number }).data_version)

/** Asked for every record that comes again, and almost always true: answered from memory while nobody else wrote. */
export const knowsNothing = ({ database, known }: Room, mapping: string, source: string): boolean => {
  const version = dataVersion(database)
  if (version !== known.version) known.nothing.clear()
  known.version = version
  if (known.nothing.has(knownAs(mapping, source))) return true
  const some = database
    .sql(
      `SELECT EXISTS (SELECT 1 FROM remembered_attempts WHERE mapping = $mapping AND source = $source)
         OR EXISTS (SELECT 1 FROM dead_letters WHERE mapping = $mapping AND source = $source
           AND parked_id IS NOT NULL) AS some`,
    )
    .get({ mapping, source }) as { readonly some: 0 | 1 }
  if (some.some === 0) known.nothing.add(knownAs(mapping, source))
  return some.some === 0
}

const knownAs = (mapping: string, source: string): string => JSON.stringify([mapping, source])

/** To be called inside the write that stores the first letter or attempt. */
export const knowSomething = ({ known }: Room, mapping: string, source: string): void => {
  known.nothing.delete(knownAs(mapping, source))
}

/** To be called once letters that were requested through this process are committed. */
export const wakeWatchers = ({ watchers }: Room): void => {
  watchers.changes += 1
  for (const wake of watchers.wakes) wake()
}

/** Runs a reading; what SQLite throws becomes STATE_UNAVAILABLE with the file's path. */
export const read = async <T>({ database }: Room, reading: () => T): Promise<T> => {
  try {
    return reading()
  } catch (error) {
    throw storeError(database, error)
  }
}

const storeError = (database: Database, error: unknown): MillraceError =>
  wrapError('STATE_UNAVAILABLE', `${database.path} cannot be read; mend the disk or its permissions`, error)

/** The rows of a statement; node:sqlite types them as what it cannot know. */
export const rows = <Row>(found: readonly unknown[]): readonly Row[] => found as readonly Row[]
