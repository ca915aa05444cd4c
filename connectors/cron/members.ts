/**
 * Who reads a schedule for a group: an open source is a member, and what it claims names it. Claims of a process that died
 * are free at once; where its life cannot be told (another container on the same file) its beat is the lease.
 */
import type { Database } from '../../core/database.ts'
import { isAlive, ownerFromText, ownerToText, thisProcess } from '../../core/owner.ts'

export const BEAT_EVERY_MS = 10_000
const BEAT_LASTS_MS = 60_000

interface MemberRow {
  readonly number: number
  readonly owner: string
  readonly beat: number
}

/** Runs inside a transaction, as all of these. */
export const join = (database: Database, reader: number, nowMs: number): number =>
  Number(
    database
      .sql('INSERT INTO cron_members (reader, owner, beat) VALUES (?, ?, ?)')
      .run(reader, ownerToText(thisProcess()), nowMs).lastInsertRowid,
  )

/** False when another process took this member for dead. */
export const beat = (database: Database, member: number, nowMs: number): boolean =>
  database.sql('UPDATE cron_members SET beat = ? WHERE number = ?').run(nowMs, member).changes === 1

/** Gives back all that a member holds: `priorDeliveries` rises where it died. */
export const dismiss = (database: Database, reader: number, member: number, how: 'closed' | 'crashed'): void => {
  database
    .sql('UPDATE cron_slots SET member = NULL, prior = prior + ? WHERE reader = ? AND member = ?')
    .run(how === 'crashed' ? 1 : 0, reader, member)
  database.sql('DELETE FROM cron_members WHERE number = ?').run(member)
}

/** Members whose process is gone. Costs a read of /proc for each other process. */
export const goneMembers = (database: Database, reader: number, nowMs: number): readonly number[] =>
  (
    database
      .sql('SELECT number, owner, beat FROM cron_members WHERE reader = ?')
      .all(reader) as unknown as readonly MemberRow[]
  ).flatMap(row => (isGone(row, nowMs) ? [row.number] : []))

const isGone = (row: MemberRow, nowMs: number): boolean => {
  const owner = ownerFromText(row.owner)
  if (!owner || !isAlive(owner)) return true
  return owner.pidSpace !== thisProcess().pidSpace && nowMs - row.beat > BEAT_LASTS_MS
}
