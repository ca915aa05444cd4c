/** Claiming and settling changes: SQL inside somebody's transaction; a claim that was taken away is not there to be settled. */
import type { Settlement } from '../../core/contract.ts'
import type { Database } from '../../core/database.ts'
import { type ChangeRow, members } from './tables.ts'

export interface Taken extends ChangeRow {
  readonly attempts: number
  readonly prior: number
  /** Milliseconds since the epoch at which it was first claimed. */
  readonly seen: number
}

/** Whether anything may be claimed now, and whether somebody else holds a claim. */
export const peek = (
  database: Database,
  reader: number,
  member: number,
  nowMs: number,
): { readonly ready: boolean; readonly others: boolean } => {
  const row = database
    .sql(
      `SELECT EXISTS (SELECT 1 FROM files_changes WHERE reader = ?1 AND member IS NULL AND move IS NULL AND due <= ?3) AS ready,
              EXISTS (SELECT 1 FROM files_members WHERE reader = ?1 AND number != ?2) AS others`,
    )
    .get(reader, member, nowMs) as { ready: number; others: number }
  return { ready: row.ready === 1, others: row.others === 1 }
}

/** Claims what is ready in the order in which it was found; of a file only the first that is not settled. */
export const take = (
  database: Database,
  { reader, member }: { readonly reader: number; readonly member: number },
  { max, nowMs }: { readonly max: number; readonly nowMs: number },
): readonly Taken[] => {
  const rows = database
    .sql(
      `SELECT number, path, event, size, mtime, etag, time, attempts, prior, seen FROM files_changes c
       WHERE reader = ?1 AND member IS NULL AND move IS NULL AND due <= ?2 AND NOT EXISTS (
         SELECT 1 FROM files_changes e WHERE e.reader = ?1 AND e.path = c.path AND e.number < c.number)
       ORDER BY number LIMIT ?3`,
    )
    .all(reader, nowMs, max) as unknown as readonly Taken[]
  return rows.map(row => {
    const seen = row.seen || nowMs
    database.sql('UPDATE files_changes SET member = ?, seen = ? WHERE number = ?').run(member, seen, row.number)
    return { ...row, seen }
  })
}

export interface Settling {
  readonly number: number
  readonly member: number
  readonly verdict: Settlement
  /** Where the file goes after that. */
  readonly move: 'done' | 'failed' | undefined
}

/** False when the claim was somebody else's by now. */
export const settle = (database: Database, { number, member, verdict, move }: Settling, nowMs: number): boolean => {
  if (verdict.outcome === 'released' || verdict.outcome === 'deferred') {
    const due = verdict.outcome === 'deferred' ? Math.ceil(nowMs + verdict.delayMs) : 0
    const back = 'UPDATE files_changes SET member = NULL, due = ?, attempts = ? WHERE number = ? AND member = ?'
    return database.sql(back).run(due, verdict.attempts, number, member).changes === 1
  }
  const ended =
    move === undefined
      ? database.sql('DELETE FROM files_changes WHERE number = ? AND member = ?').run(number, member)
      : database
          .sql('UPDATE files_changes SET move = ?, member = NULL WHERE number = ? AND member = ?')
          .run(move, number, member)
  return ended.changes === 1
}

/** Gives back all that a member holds: `priorDeliveries` rises where it died. */
export const dismiss = (database: Database, reader: number, member: number, how: 'closed' | 'crashed'): void => {
  database
    .sql('UPDATE files_changes SET member = NULL, prior = prior + ? WHERE reader = ? AND member = ?')
    .run(how === 'crashed' ? 1 : 0, reader, member)
  members.leave(database, member)
}

export const dismissGone = (database: Database, reader: number, nowMs: number): void => {
  for (const gone of members.gone(database, reader, nowMs)) dismiss(database, reader, gone, 'crashed')
}

export const unsettled = (
  database: Database,
  reader: number,
): { readonly records: number; readonly oldest: number | null } =>
  database
    .sql('SELECT count(*) AS records, min(time) AS oldest FROM files_changes WHERE reader = ? AND move IS NULL')
    .get(reader) as unknown as { readonly records: number; readonly oldest: number | null }
