/**
 * Claiming and settling for queues and topics: all of it SQL inside somebody's transaction, nothing kept in memory.
 * What a transaction finds in the tables is the truth, so each function may run twice, and a claim that was taken away
 * in the meantime simply is not there to be settled.
 */
import type { Database } from '../../core/database.ts'
import { type Gone, isMember, leaveReader } from './members.ts'
import { RECORD_COLUMNS, type RecordRow } from './record.ts'
import type { Channel } from './tables.ts'

/** Who reads: a member of a group on a channel. */
export interface Reading {
  readonly channel: Channel
  readonly reader: number
  readonly member: number
}

/** What is known of a record beside its bytes, and travels with it. */
export interface Note {
  readonly attempts: number
  readonly prior: number
  /** Milliseconds since the epoch at which it was first claimed; 0: never. */
  readonly seen: number
}

export interface Taken extends Note {
  readonly row: RecordRow
}

export interface Verdict {
  readonly id: number
  /** `done` does not come again; `back` comes again, at once where `delayMs` is 0. */
  readonly outcome: 'done' | 'back'
  readonly attempts: number
  readonly delayMs: number
}

interface WaitingRow extends Note {
  readonly due: number
  readonly id: number
}

export interface Want {
  readonly max: number
  readonly maxBytes: number
  readonly nowMs: number
}

/** Whether anything can be claimed, and if not, when the next record becomes due. */
export const peek = (
  database: Database,
  reader: number,
): { readonly fresh: boolean; readonly dueAt: number | null } => {
  const row = database
    .sql(
      `SELECT r.cursor < l.next AS fresh,
              (SELECT w.due FROM embedded_waiting w WHERE w.reader = r.number ORDER BY w.due, w.id LIMIT 1) AS due
       FROM embedded_readers r JOIN embedded_logs l ON l.channel = r.channel AND l.partition = 0 WHERE r.number = ?`,
    )
    .get(reader) as { fresh: number; due: number | null }
  return { fresh: row.fresh === 1, dueAt: row.due }
}

/** Claims what is ready, in order of (due, offset). Undefined when the member is no longer one. */
export const take = (database: Database, reading: Reading, want: Want): readonly Taken[] | undefined => {
  if (!isMember(database, reading.member)) return undefined
  const waiting = database
    .sql(
      `SELECT due, id, attempts, prior, seen FROM embedded_waiting WHERE reader = ? AND due <= ?
       ORDER BY due, id LIMIT ?`,
    )
    .all(reading.reader, want.nowMs, want.max) as unknown as readonly WaitingRow[]
  const taken = waiting.length === 0 ? takeFresh(database, reading, want) : takeMerged(database, reading, want, waiting)
  insertClaims(database, reading, taken)
  return taken
}

/** The common case: one walk along the records, one cursor moved. */
const takeFresh = (database: Database, reading: Reading, want: Want): readonly Taken[] => {
  const rows = database
    .sql(`SELECT ${RECORD_COLUMNS} FROM ${reading.channel.records} WHERE id >= ? AND due IS NULL ORDER BY id LIMIT ?`)
    .iterate(cursorOf(database, reading), want.max) as unknown as Iterable<RecordRow>
  const taken: Taken[] = []
  let bytes = 0
  for (const row of rows) {
    taken.push({ row, attempts: 0, prior: 0, seen: want.nowMs })
    bytes += row.body?.length ?? 0
    if (bytes >= want.maxBytes) break
  }
  const ended = taken.length < want.max && bytes < want.maxBytes
  moveCursor(database, reading, ended ? undefined : (taken.at(-1)?.row.id ?? 0) + 1)
  return taken
}

/** Two ordered lists become one: what waited, by when it was due, and what is new, by when it arrived. */
const takeMerged = (
  database: Database,
  reading: Reading,
  want: Want,
  waiting: readonly WaitingRow[],
): readonly Taken[] => {
  const fresh = database
    .sql(`SELECT id, at AS due FROM ${reading.channel.records} WHERE id >= ? AND due IS NULL ORDER BY id LIMIT ?`)
    .all(cursorOf(database, reading), want.max) as unknown as readonly { readonly id: number; readonly due: number }[]
  const body = database.sql(`SELECT ${RECORD_COLUMNS} FROM ${reading.channel.records} WHERE id = ?`)
  const taken: Taken[] = []
  let [bytes, fromWaiting, fromFresh] = [0, 0, 0]
  while (taken.length < want.max && bytes < want.maxBytes) {
    const [old, next] = [waiting[fromWaiting], fresh[fromFresh]]
    const pick = old && (!next || old.due <= next.due) ? old : next
    if (!pick) break
    if (pick === old) {
      fromWaiting += 1
      database
        .sql('DELETE FROM embedded_waiting WHERE reader = ? AND due = ? AND id = ?')
        .run(reading.reader, old.due, old.id)
    } else fromFresh += 1
    const row = body.get(pick.id) as unknown as RecordRow | undefined
    if (!row) continue
    const { attempts, prior, seen } = pick === old ? old : NEW
    taken.push({ row, attempts, prior, seen: seen || want.nowMs })
    bytes += row.body?.length ?? 0
  }
  const last = fresh[fromFresh - 1]
  if (last) moveCursor(database, reading, last.id + 1)
  return taken
}

const NEW: Note = { attempts: 0, prior: 0, seen: 0 }

const cursorOf = (database: Database, reading: Reading): number =>
  (database.sql('SELECT cursor FROM embedded_readers WHERE number = ?').get(reading.reader) as { cursor: number })
    .cursor

/** Undefined: to the end, so that records which only wait for their time are not walked over again. */
const moveCursor = (database: Database, reading: Reading, to: number | undefined): void => {
  if (to !== undefined) database.sql('UPDATE embedded_readers SET cursor = ? WHERE number = ?').run(to, reading.reader)
  else
    database
      .sql(
        `UPDATE embedded_readers SET cursor = (SELECT next FROM embedded_logs WHERE channel = ? AND partition = 0)
         WHERE number = ?`,
      )
      .run(reading.channel.number, reading.reader)
}

/** One row for each run of neighbours that have the same past. */
const insertClaims = (database: Database, reading: Reading, taken: readonly Taken[]): void => {
  let first = 0
  for (let index = 1; index <= taken.length; index += 1) {
    const [head, previous, next] = [taken[first], taken[index - 1], taken[index]]
    if (!head || !previous || (next && continues(previous, next))) continue
    insertClaim(database, reading.reader, reading.member, head.row.id, previous.row.id, head)
    first = index
  }
}

const continues = (a: Taken, b: Taken): boolean =>
  b.row.id === a.row.id + 1 && b.attempts === a.attempts && b.prior === a.prior && b.seen === a.seen

const insertClaim = (
  database: Database,
  reader: number,
  member: number,
  first: number,
  last: number,
  note: Note,
): void => {
  database
    .sql(
      'INSERT INTO embedded_claims (reader, first, last, member, attempts, prior, seen) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    .run(reader, first, last, member, note.attempts, note.prior, note.seen)
}

/** Settles what the member still holds of these, which are in ascending order; the rest was lost and is left alone. */
export const settleClaims = (
  database: Database,
  reading: Reading,
  verdicts: readonly Verdict[],
  nowMs: number,
): void => {
  let index = 0
  for (const run of runsOf(verdicts)) {
    for (const segment of cutClaims(database, reading, run.first, run.last)) {
      while ((verdicts[index]?.id ?? Number.POSITIVE_INFINITY) < segment.first) index += 1
      const within = verdicts.slice(index, index + segment.last - segment.first + 1)
      applyVerdicts(database, reading, within, segment, nowMs)
    }
  }
}

/** Runs of neighbouring numbers in an ascending list. */
export const runsOf = (items: readonly { readonly id: number }[]): readonly Run[] => {
  const runs: { first: number; last: number }[] = []
  for (const { id } of items) {
    const run = runs.at(-1)
    if (run && id === run.last + 1) run.last = id
    else runs.push({ first: id, last: id })
  }
  return runs
}

export interface Run {
  readonly first: number
  readonly last: number
}

interface ClaimRow extends Run, Note {
  readonly member: number
}

/** Takes first to last out of the member's claims, and answers with the pieces that it did hold. */
const cutClaims = (database: Database, reading: Reading, first: number, last: number): readonly (Run & Note)[] => {
  const rows = database
    .sql(
      `SELECT first, last, member, attempts, prior, seen FROM embedded_claims WHERE reader = ?1 AND first <= ?3
         AND first >= coalesce((SELECT max(first) FROM embedded_claims WHERE reader = ?1 AND first <= ?2), ?2)`,
    )
    .all(reading.reader, first, last) as unknown as readonly ClaimRow[]
  const pieces: (Run & Note)[] = []
  for (const row of rows) {
    if (row.member !== reading.member || row.last < first) continue
    database.sql('DELETE FROM embedded_claims WHERE reader = ? AND first = ?').run(reading.reader, row.first)
    if (row.first < first) insertClaim(database, reading.reader, row.member, row.first, first - 1, row)
    if (row.last > last) insertClaim(database, reading.reader, row.member, last + 1, row.last, row)
    pieces.push({ ...row, first: Math.max(row.first, first), last: Math.min(row.last, last) })
  }
  return pieces
}

const applyVerdicts = (
  database: Database,
  reading: Reading,
  verdicts: readonly Verdict[],
  note: Note,
  nowMs: number,
): void => {
  const { channel } = reading
  if (channel.type === 'queue')
    for (const run of runsOf(verdicts.filter(verdict => verdict.outcome === 'done')))
      database.sql(`DELETE FROM ${channel.records} WHERE id BETWEEN ? AND ?`).run(run.first, run.last)
  for (const verdict of verdicts) {
    if (verdict.outcome === 'done') continue
    const due = verdict.delayMs > 0 ? Math.round(nowMs + verdict.delayMs) : null
    database
      .sql(
        `INSERT INTO embedded_waiting (reader, due, id, attempts, prior, seen)
         SELECT ?, coalesce(?, due, at), id, ?, ?, ? FROM ${channel.records} WHERE id = ?`,
      )
      .run(reading.reader, due, verdict.attempts, note.prior, note.seen, verdict.id)
  }
}

/** Frees all that a member holds and strikes it off; a claim that ended with its owner is evidence and counted. */
export const dismiss = (database: Database, channel: Channel, reader: number, gone: Gone): void => {
  database
    .sql(
      `INSERT INTO embedded_waiting (reader, due, id, attempts, prior, seen)
       SELECT c.reader, coalesce(r.due, r.at), r.id, c.attempts, c.prior + ?, c.seen
       FROM embedded_claims c JOIN ${channel.records} r ON r.id BETWEEN c.first AND c.last
       WHERE c.reader = ? AND c.member = ?`,
    )
    .run(gone.how === 'crashed' ? 1 : 0, reader, gone.member)
  database.sql('DELETE FROM embedded_claims WHERE reader = ? AND member = ?').run(reader, gone.member)
  leaveReader(database, gone.member)
}
