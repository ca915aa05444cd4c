/** Claiming and settling slots: SQL inside somebody's transaction; a claim that was taken away is not there to be settled. */
import type { Database } from '../../core/database.ts'
import type { Overlap, SlotVerdict, TakenSlot } from '../../core/slots.ts'

/** Whether anything can be claimed now, and whether somebody else holds a claim. */
export const peek = (
  database: Database,
  reader: number,
  member: number,
  nowMs: number,
): { readonly last: number; readonly ready: boolean; readonly others: boolean } => {
  const row = database
    .sql(
      `SELECT last, EXISTS (SELECT 1 FROM cron_slots WHERE reader = ?1 AND member IS NULL AND due <= ?3) AS ready,
              EXISTS (SELECT 1 FROM cron_slots WHERE reader = ?1 AND member != ?2) AS others
       FROM cron_readers WHERE number = ?1`,
    )
    .get(reader, member, nowMs) as { last: number; ready: number; others: number }
  return { last: row.last, ready: row.ready === 1, others: row.others === 1 }
}

/** Claims what is ready, the earliest slot first; with `queue` the first unfinished one alone, when it is ready. */
export const take = (
  database: Database,
  { reader, member, overlap }: { readonly reader: number; readonly member: number; readonly overlap: Overlap },
  { max, nowMs }: { readonly max: number; readonly nowMs: number },
): readonly TakenSlot[] => {
  const rows = database
    .sql(
      overlap === 'queue'
        ? `SELECT * FROM (SELECT * FROM cron_slots WHERE reader = ? ORDER BY slot LIMIT 1)
           WHERE member IS NULL AND due <= ? LIMIT ?`
        : 'SELECT * FROM cron_slots WHERE reader = ? AND member IS NULL AND due <= ? ORDER BY slot LIMIT ?',
    )
    .all(reader, nowMs, max) as unknown as readonly Omit<TakenSlot, 'member'>[]
  return rows.map(({ slot, attempts, prior, seen }) => {
    const firstSeen = seen || nowMs
    database
      .sql('UPDATE cron_slots SET member = ?, seen = ? WHERE reader = ? AND slot = ?')
      .run(member, firstSeen, reader, slot)
    return { slot, attempts, prior, seen: firstSeen, member: String(member) }
  })
}

/** False when the claim was somebody else's by now. */
export const settle = (
  database: Database,
  reader: number,
  { slot, member, outcome, attempts, due }: SlotVerdict,
): boolean => {
  const own = Number(member)
  const { changes } =
    outcome === 'done'
      ? database.sql('DELETE FROM cron_slots WHERE reader = ? AND slot = ? AND member = ?').run(reader, slot, own)
      : database
          .sql(
            'UPDATE cron_slots SET member = NULL, due = ?, attempts = ? WHERE reader = ? AND slot = ? AND member = ?',
          )
          .run(due, attempts, reader, slot, own)
  return changes === 1
}

export const unfinished = (
  database: Database,
  reader: number,
): { readonly records: number; readonly oldest: number | null } =>
  database
    .sql('SELECT count(*) AS records, min(slot) AS oldest FROM cron_slots WHERE reader = ?')
    .get(reader) as unknown as { readonly records: number; readonly oldest: number | null }
