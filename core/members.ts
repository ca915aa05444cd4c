/**
 * Who reads a channel for a group, as rows of a table: an open source is a member, and what it claims names it. Claims of a
 * process that died are free at once; where its life cannot be told (another container on the same file) its beat is the
 * lease.
 */
import type { Database } from './database.ts'
import { isAlive, ownerFromText, ownerToText, thisProcess } from './owner.ts'

/** All but `create` runs inside a transaction. */
export interface Members {
  /** The statement that makes the table, for a migration. */
  readonly create: string
  join(database: Database, reader: number, nowMs: number): number
  /** False when another process took this member for dead. */
  beat(database: Database, member: number, nowMs: number): boolean
  isMember(database: Database, member: number): boolean
  leave(database: Database, member: number): void
  /** Members whose process is gone. Costs a read of /proc for each other process. */
  gone(database: Database, reader: number, nowMs: number): readonly number[]
}

/** How often a member has to beat. */
export const BEAT_EVERY_MS = 10_000
const BEAT_LASTS_MS = 60_000

interface MemberRow {
  readonly number: number
  readonly owner: string
  readonly beat: number
}

export const membersIn = (table: string): Members => ({
  create: `CREATE TABLE ${table} (
     number INTEGER PRIMARY KEY AUTOINCREMENT, reader INTEGER NOT NULL, owner TEXT NOT NULL, beat INTEGER NOT NULL)`,
  join: (database, reader, nowMs) =>
    Number(
      database
        .sql(`INSERT INTO ${table} (reader, owner, beat) VALUES (?, ?, ?)`)
        .run(reader, ownerToText(thisProcess()), nowMs).lastInsertRowid,
    ),
  beat: (database, member, nowMs) =>
    database.sql(`UPDATE ${table} SET beat = ? WHERE number = ?`).run(nowMs, member).changes === 1,
  isMember: (database, member) => database.sql(`SELECT 1 FROM ${table} WHERE number = ?`).get(member) !== undefined,
  leave: (database, member) => void database.sql(`DELETE FROM ${table} WHERE number = ?`).run(member),
  gone: (database, reader, nowMs) => {
    const rows = database.sql(`SELECT number, owner, beat FROM ${table} WHERE reader = ?`).all(reader)
    return (rows as unknown as readonly MemberRow[]).flatMap(row => (isGone(row, nowMs) ? [row.number] : []))
  },
})

const isGone = (row: MemberRow, nowMs: number): boolean => {
  const owner = ownerFromText(row.owner)
  if (!owner || !isAlive(owner)) return true
  return owner.pidSpace !== thisProcess().pidSpace && nowMs - row.beat > BEAT_LASTS_MS
}
