/** What was found is compared with the index: what differs becomes a change. Runs inside a transaction, and may run twice. */
import type { Database } from '../../core/database.ts'
import type { Happened } from './channel.ts'
import { indexed, type Observed } from './tables.ts'

export interface Applying {
  readonly reader: number
  readonly events: readonly Happened[]
  readonly nowMs: number
  /** Whether a change of it is told, or only known from then on. */
  readonly tells: (observed: Observed) => boolean
}

/** Answers how many changes there are to tell now that were not there before. */
export const apply = (database: Database, observed: readonly Observed[], applying: Applying): number =>
  observed.filter(each => applyOne(database, each, applying)).length

const applyOne = (database: Database, observed: Observed, applying: Applying): boolean => {
  const { reader } = applying
  const { path } = observed
  // It is on its way to where it was to go: whoever moves it makes that known.
  if (database.sql('SELECT 1 FROM files_changes WHERE reader = ? AND path = ? AND move IS NOT NULL').get(reader, path))
    return false
  const known = indexed(database, reader, path)
  if (observed.state === 'gone') {
    if (!known) return false
    database.sql('DELETE FROM files_index WHERE reader = ? AND path = ?').run(reader, path)
    return tell(database, observed, 'removed', applying)
  }
  const { size, mtime, etag } = observed
  if (known && known.size === size && known.mtime === mtime) return false
  database
    .sql('INSERT OR REPLACE INTO files_index (reader, path, size, mtime, etag) VALUES (?, ?, ?, ?, ?)')
    .run(reader, path, size, mtime, etag)
  // It was touched, and has the content it had.
  if (known?.etag === etag) return false
  return tell(database, observed, known ? 'changed' : 'created', applying)
}

/**
 * One that nobody has seen yet and what happens next are one change: a file that came and went before it was told of is
 * nothing to tell.
 */
export const merged = (before: Happened | undefined, next: Happened): Happened | 'nothing' => {
  if (before === undefined) return next
  if (before === 'created') return next === 'removed' ? 'nothing' : 'created'
  if (before === 'removed') return next === 'removed' ? 'removed' : 'changed'
  return next === 'removed' ? 'removed' : 'changed'
}

interface UnseenRow {
  readonly number: number
  readonly event: Happened
}

const tell = (database: Database, observed: Observed, next: Happened, applying: Applying): boolean => {
  const { reader, events, nowMs, tells } = applying
  if (!tells(observed)) return false
  const unseen = database
    .sql(
      `SELECT number, event FROM files_changes
       WHERE reader = ? AND path = ? AND member IS NULL AND seen = 0 ORDER BY number DESC LIMIT 1`,
    )
    .get(reader, observed.path) as unknown as UnseenRow | undefined
  if (unseen) database.sql('DELETE FROM files_changes WHERE number = ?').run(unseen.number)
  const event = merged(unseen?.event, next)
  if (event === 'nothing' || !events.includes(event)) return false
  const { size, mtime, etag } = observed.state === 'there' ? observed : { size: null, mtime: null, etag: null }
  database
    .sql(
      `INSERT INTO files_changes (reader, path, event, size, mtime, etag, time, due, attempts, prior, seen)
       VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0)`,
    )
    .run(reader, observed.path, event, size, mtime, etag, Math.floor(mtime ?? nowMs))
  return true
}
