/**
 * Who reads for a group. A member is one open source; what it claims names it, so that the claims of a process that
 * died are found. Where it cannot be told whether a process lives (another container on the same file), its beat is
 * the lease that decides.
 */
import type { Database } from '../../core/database.ts'
import { isAlive, ownerFromText, ownerToText, thisProcess } from '../../core/owner.ts'
import type { Wakes } from './wakes.ts'

export const BEAT_EVERY_MS = 10_000
const BEAT_LASTS_MS = 60_000

interface MemberRow {
  readonly number: number
  readonly owner: string
  readonly beat: number
}

/** `crashed`: its claims ended without a verdict. `closed`: its source said goodbye, but could not write it down. */
export interface Gone {
  readonly member: number
  readonly how: 'crashed' | 'closed'
}

/** Runs inside a transaction. */
export const joinReader = (database: Database, reader: number, nowMs: number): number =>
  Number(
    database
      .sql('INSERT INTO embedded_members (reader, owner, beat) VALUES (?, ?, ?)')
      .run(reader, ownerToText(thisProcess()), nowMs).lastInsertRowid,
  )

/** Runs inside a transaction. */
export const leaveReader = (database: Database, member: number): void => {
  database.sql('DELETE FROM embedded_members WHERE number = ?').run(member)
}

/** Runs inside a transaction. */
export const beat = (database: Database, member: number, nowMs: number): void => {
  database.sql('UPDATE embedded_members SET beat = ? WHERE number = ?').run(nowMs, member)
}

/** False when another process took this member for dead: then nothing may be claimed in its name any more. */
export const isMember = (database: Database, member: number): boolean =>
  database.sql('SELECT 1 FROM embedded_members WHERE number = ?').get(member) !== undefined

export const membersOf = (database: Database, reader: number): readonly number[] =>
  (
    database.sql('SELECT number FROM embedded_members WHERE reader = ? ORDER BY number').all(reader) as {
      number: number
    }[]
  ).map(row => row.number)

/** The members of a reader that no longer live. Costs a read of /proc for each other process. */
export const goneMembers = (database: Database, wakes: Wakes, reader: number, nowMs: number): readonly Gone[] => {
  const rows = database
    .sql('SELECT number, owner, beat FROM embedded_members WHERE reader = ?')
    .all(reader) as unknown as readonly MemberRow[]
  return rows.flatMap(row => {
    const how = wakes.retired.has(row.number) ? 'closed' : isGone(row, nowMs) ? 'crashed' : undefined
    return how ? [{ member: row.number, how }] : []
  })
}

const isGone = (row: MemberRow, nowMs: number): boolean => {
  const owner = ownerFromText(row.owner)
  if (!owner || !isAlive(owner)) return true
  const visible = owner.pidSpace === thisProcess().pidSpace
  return !visible && nowMs - row.beat > BEAT_LASTS_MS
}
