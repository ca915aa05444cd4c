/**
 * Partitions as leased rows. A row names its owner and a fence, which is raised whenever the owner changes: whoever
 * wants to claim or settle must still be named with the fence it was given. All of it runs inside a transaction.
 */
import type { Database } from '../../core/database.ts'
import { dismiss, type Note } from './claims.ts'
import type { Gone } from './members.ts'
import {
  abandon,
  finish,
  isFinished,
  isIdle,
  notesFromText,
  notesToText,
  type OffsetRun,
  type Progress,
  release,
  runsFromText,
  runsToText,
} from './progress.ts'
import { RECORD_COLUMNS, type RecordRow } from './record.ts'
import { nextOffset } from './start.ts'
import { type Channel, PARTITION_SPAN } from './tables.ts'

/** A partition as its owner holds it. */
export interface Lease {
  readonly reader: number
  readonly member: number
  readonly partition: number
  readonly fence: number
}

interface LaneRow {
  readonly partition: number
  readonly member: number | null
  readonly fence: number
  readonly committed: number
  readonly claimed: number
  readonly finished: string
  readonly notes: string
  readonly seen: number
}

export interface LaneState extends Progress {
  readonly partition: number
  readonly member: number | null
  readonly fence: number
  /** Milliseconds since the epoch of the last claim. */
  readonly seen: number
}

const stateOf = (row: LaneRow): LaneState => ({
  ...row,
  finished: runsFromText(row.finished),
  notes: notesFromText(row.notes),
})

const COLUMNS = 'partition, member, fence, committed, claimed, finished, notes, seen'

export const lanesOf = (database: Database, reader: number): readonly LaneState[] =>
  (
    database
      .sql(`SELECT ${COLUMNS} FROM embedded_lanes WHERE reader = ? ORDER BY partition`)
      .all(reader) as unknown as readonly LaneRow[]
  ).map(stateOf)

/** Undefined when the lease is no longer held. */
const heldLane = (database: Database, lease: Lease): LaneState | undefined => {
  const row = database
    .sql(`SELECT ${COLUMNS} FROM embedded_lanes WHERE reader = ? AND partition = ? AND member = ? AND fence = ?`)
    .get(lease.reader, lease.partition, lease.member, lease.fence) as LaneRow | undefined
  return row && stateOf(row)
}

const store = (database: Database, reader: number, partition: number, progress: Progress): void => {
  database
    .sql(
      'UPDATE embedded_lanes SET committed = ?, claimed = ?, finished = ?, notes = ? WHERE reader = ? AND partition = ?',
    )
    .run(
      progress.committed,
      progress.claimed,
      runsToText(progress.finished),
      notesToText(progress.notes),
      reader,
      partition,
    )
}

export interface LaneWant {
  /** The offset at which the owner reads on. */
  readonly position: number
  readonly max: number
  readonly maxBytes: number
  readonly nowMs: number
}

export interface LaneTaken {
  readonly rows: readonly { readonly offset: number; readonly row: RecordRow; readonly note: Note }[]
  readonly position: number
  /** Records that retention deleted before this group got them. */
  readonly gap: number
  readonly bytes: number
  /** Everything before it is finished. */
  readonly committed: number
}

/** Claims the next records of a partition. Undefined when the lease is no longer held. */
export const takeLane = (database: Database, channel: Channel, lease: Lease, want: LaneWant): LaneTaken | undefined => {
  const lane = heldLane(database, lease)
  if (!lane) return undefined
  const { rows, bytes } = readRows(database, channel, lane, want)
  const base = lease.partition * PARTITION_SPAN
  const first = rows[0] ? rows[0].id - base : nextOffset(database, channel, lease.partition)
  const vanished = vanishedRuns(lane, want.position, first)
  const next = (rows.at(-1)?.id ?? base + first - 1) - base + 1
  const progress = finish({ ...lane, claimed: Math.max(lane.claimed, next) }, vanished)
  const gap = vanished.reduce((sum, [a, b]) => sum + b - a + 1, 0)
  if (rows.length > 0 || gap > 0) {
    store(database, lease.reader, lease.partition, progress)
    database
      .sql('UPDATE embedded_lanes SET seen = ?, gaps = gaps + ? WHERE reader = ? AND partition = ?')
      .run(want.nowMs, gap, lease.reader, lease.partition)
  }
  const taken = rows.map(row => {
    const offset = row.id - base
    return { offset, row, note: lane.notes.get(offset) ?? { attempts: 0, prior: 0, seen: want.nowMs } }
  })
  return { rows: taken, position: Math.max(want.position, next), gap, bytes, committed: progress.committed }
}

const readRows = (
  database: Database,
  channel: Channel,
  lane: LaneState,
  want: LaneWant,
): { readonly rows: readonly RecordRow[]; readonly bytes: number } => {
  const base = lane.partition * PARTITION_SPAN
  const walk = database
    .sql(`SELECT ${RECORD_COLUMNS} FROM ${channel.records} WHERE id >= ? AND id < ? ORDER BY id`)
    .iterate(base + want.position, base + PARTITION_SPAN) as unknown as Iterable<RecordRow>
  const rows: RecordRow[] = []
  let bytes = 0
  for (const row of walk) {
    if (isFinished(lane, row.id - base)) continue
    rows.push(row)
    bytes += row.body?.length ?? 0
    if (rows.length >= want.max || bytes >= want.maxBytes) break
  }
  return { rows, bytes }
}

/** What lies between where we read on and what there is, and was not finished: offsets leave no holes of their own. */
const vanishedRuns = (lane: LaneState, position: number, first: number): readonly OffsetRun[] => {
  const runs: OffsetRun[] = []
  let from = Math.max(position, lane.committed)
  for (const [a, b] of lane.finished) {
    if (b < from) continue
    if (a >= first) break
    if (a > from) runs.push([from, a - 1])
    from = b + 1
  }
  if (first > from) runs.push([from, first - 1])
  return runs
}

export interface LaneVerdicts {
  readonly lease: Lease
  readonly finished: readonly OffsetRun[]
  /** The lowest released offset; undefined: none. */
  readonly releaseFrom: number | undefined
  readonly notes: ReadonlyMap<number, Note>
}

/** Answers with the progress made, or undefined when the lease is lost: a stale owner settles nothing. */
export const settleLane = (database: Database, verdicts: LaneVerdicts): Progress | undefined => {
  const lane = heldLane(database, verdicts.lease)
  if (!lane) return undefined
  const done = finish(lane, verdicts.finished)
  const progress = verdicts.releaseFrom === undefined ? done : release(done, verdicts.releaseFrom, verdicts.notes)
  store(database, verdicts.lease.reader, verdicts.lease.partition, progress)
  return progress
}

/** Gives all partitions of a member free and strikes it off. */
export const dismissOwner = (database: Database, channel: Channel, reader: number, gone: Gone): void => {
  for (const lane of lanesOf(database, reader))
    if (lane.member === gone.member) freeLane(database, reader, lane, gone.how)
  dismiss(database, channel, reader, gone)
}

/** What was in flight comes again; only a crash is evidence against it. */
export const freeLane = (database: Database, reader: number, lane: LaneState, how: Gone['how']): void => {
  const progress = how === 'crashed' ? abandon(lane, lane.seen) : release(lane, lane.committed, NO_NOTES)
  if (!isIdle(lane)) store(database, reader, lane.partition, progress)
  database
    .sql('UPDATE embedded_lanes SET member = NULL, fence = fence + 1 WHERE reader = ? AND partition = ?')
    .run(reader, lane.partition)
}

const NO_NOTES: ReadonlyMap<number, Note> = new Map()

export const leaseLane = (database: Database, reader: number, member: number, lane: LaneState): Lease => {
  database
    .sql('UPDATE embedded_lanes SET member = ?, fence = fence + 1 WHERE reader = ? AND partition = ?')
    .run(member, reader, lane.partition)
  return { reader, member, partition: lane.partition, fence: lane.fence + 1 }
}
