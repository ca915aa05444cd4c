/**
 * Slots as rows. A reader is a group on a schedule; everything up to `last` was seen to, and what of it is not done has a
 * row:
 *
 *   not yet due ─▶ due ─▶ claimed by a member ─▶ done: the row is gone
 *                   ▲          │
 *                   └──────────┘ given back, deferred, or the member's process died
 */
import type { Database } from '../../core/database.ts'
import type { Due } from './due.ts'
import type { Overlap } from './schedule.ts'

const MIGRATIONS: readonly string[] = [
  `CREATE TABLE cron_readers (
     number INTEGER PRIMARY KEY, schedule TEXT NOT NULL, reader TEXT NOT NULL, defined TEXT NOT NULL,
     last INTEGER NOT NULL, UNIQUE (schedule, reader));
   CREATE TABLE cron_members (
     number INTEGER PRIMARY KEY AUTOINCREMENT, reader INTEGER NOT NULL, owner TEXT NOT NULL, beat INTEGER NOT NULL);
   CREATE TABLE cron_slots (
     reader INTEGER NOT NULL, slot INTEGER NOT NULL, due INTEGER NOT NULL, member INTEGER, attempts INTEGER NOT NULL,
     prior INTEGER NOT NULL, seen INTEGER NOT NULL, PRIMARY KEY (reader, slot)) WITHOUT ROWID`,
]

export const migrateTables = (database: Database): void => database.migrate('cron', MIGRATIONS)

export interface ReaderRow {
  readonly number: number
  /** Milliseconds since the epoch. */
  readonly last: number
}

/**
 * Finds the reader, or makes it: then nothing is due that was before. `defined` is what the schedule is; when it is another
 * now, what the new one would have had while nobody ran was never scheduled. Runs inside a transaction.
 */
export const openReader = (
  database: Database,
  { schedule, reader, defined }: { readonly schedule: string; readonly reader: string; readonly defined: string },
  nowMs: number,
): ReaderRow =>
  database
    .sql(
      `INSERT INTO cron_readers (schedule, reader, defined, last) VALUES (?1, ?2, ?3, ?4)
       ON CONFLICT (schedule, reader) DO UPDATE
       SET last = CASE WHEN defined = ?3 THEN last ELSE max(last, ?4) END, defined = ?3
       RETURNING number, last`,
    )
    .get(schedule, reader, defined, nowMs) as unknown as ReaderRow

export const lastOf = (database: Database, reader: number): number =>
  (database.sql('SELECT last FROM cron_readers WHERE number = ?').get(reader) as { last: number }).last

/** Writes down what came due until `nowMs`; answers how many of the slots `overlap` left out. Runs inside a transaction. */
export const enterDue = (
  database: Database,
  reader: number,
  { slots }: Due,
  { overlap, nowMs }: { readonly overlap: Overlap; readonly nowMs: number },
): number => {
  const entered = overlap === 'skip' ? slots.slice(isIdle(database, reader) ? -1 : slots.length) : slots
  for (const slot of entered)
    database
      .sql(
        `INSERT OR IGNORE INTO cron_slots (reader, slot, due, member, attempts, prior, seen)
         VALUES (?, ?, 0, NULL, 0, 0, 0)`,
      )
      .run(reader, slot)
  database.sql('UPDATE cron_readers SET last = max(last, ?) WHERE number = ?').run(nowMs, reader)
  return slots.length - entered.length
}

const isIdle = (database: Database, reader: number): boolean =>
  database.sql('SELECT 1 FROM cron_slots WHERE reader = ? LIMIT 1').get(reader) === undefined
