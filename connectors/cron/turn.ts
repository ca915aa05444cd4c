/** One look at the database, in one transaction: what died is freed, what came due is entered, what is ready is claimed. */
import type { Database } from '../../core/database.ts'
import { type Taken, take } from './claims.ts'
import { type Due, dueSlots } from './due.ts'
import { dismiss, goneMembers, join } from './members.ts'
import type { ScheduleOptions } from './schedule.ts'
import type { Schedule } from './slots.ts'
import { enterDue, lastOf } from './tables.ts'

/** Who reads, and what. */
export interface Reading {
  readonly reader: number
  readonly member: number
  readonly schedule: Schedule
  readonly options: ScheduleOptions
}

export interface Entered {
  /** Whether slots were missed and will not be run, and how many were left out because of an earlier one. */
  readonly dropped: Due['dropped']
  readonly skipped: number
  /** Milliseconds since the epoch; slots up to here were seen to before. */
  readonly lastMs: number
}

export interface Turn extends Entered {
  /** Another than before when this member was taken for dead: then it holds nothing any more. */
  readonly member: number
  readonly taken: readonly Taken[]
}

/** Runs inside a transaction, as all of these. */
export const takeTurn = (database: Database, reading: Reading, want: { max: number; nowMs: number }): Turn => {
  const { reader, options } = reading
  const member = isMember(database, reading.member) ? reading.member : join(database, reader, want.nowMs)
  for (const gone of goneMembers(database, reader, want.nowMs)) dismiss(database, reader, gone, 'crashed')
  const entered = enter(database, reading, want.nowMs)
  return { ...entered, member, taken: take(database, { reader, member, overlap: options.overlap }, want) }
}

export const enter = (database: Database, { reader, schedule, options }: Reading, nowMs: number): Entered => {
  const lastMs = lastOf(database, reader)
  const due = dueSlots(schedule, { lastMs, nowMs }, options.missed)
  if (due.slots.length === 0 && due.dropped === 'none') return { dropped: 'none', skipped: 0, lastMs }
  return { dropped: due.dropped, skipped: enterDue(database, reader, due, { overlap: options.overlap, nowMs }), lastMs }
}

const isMember = (database: Database, member: number): boolean =>
  database.sql('SELECT 1 FROM cron_members WHERE number = ?').get(member) !== undefined
