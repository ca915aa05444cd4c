/** Slots as rows; what they are is said in `core/slots.ts`. */
import type { Database } from '../../core/database.ts'
import { type Entering, entered } from '../../core/slots.ts'
import { unfinished } from './claims.ts'
import { members } from './members.ts'

const MIGRATIONS: readonly string[] = [
  `CREATE TABLE cron_readers (
     number INTEGER PRIMARY KEY, schedule TEXT NOT NULL, reader TEXT NOT NULL, defined TEXT NOT NULL,
     last INTEGER NOT NULL, UNIQUE (schedule, reader));
   ${members.create};
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

/** Answers how many were left out; undefined when somebody has entered since. Runs inside a transaction. */
export const enterSlots = (database: Database, reader: number, entering: Entering): number | undefined => {
  const { lastMs, untilMs, slots } = entering
  const { changes } = database
    .sql('UPDATE cron_readers SET last = ? WHERE number = ? AND last = ?')
    .run(untilMs, reader, lastMs)
  if (changes !== 1) return undefined
  const kept = entered(slots, unfinished(database, reader).records, entering)
  for (const { slot, due } of kept)
    database
      .sql(
        `INSERT OR IGNORE INTO cron_slots (reader, slot, due, member, attempts, prior, seen)
         VALUES (?, ?, ?, NULL, 0, 0, 0)`,
      )
      .run(reader, slot, due)
  return slots.length - kept.length
}
