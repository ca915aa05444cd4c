/**
 * How often in a row an app has ended without stopping. Evidence for sources that do not count deliveries: when the
 * process ends again and again, one of the records it had in flight may be what ends it.
 */
import type { Clock } from './clock.ts'
import type { Database } from './database.ts'
import { isAlive, ownerFromText, ownerToText, thisProcess } from './owner.ts'

export interface Run {
  /** Runs of this app before this one that ended without stopping, in a row. */
  readonly crashes: number
  /** The app stopped as it should: the row of crashes is over. */
  end(): Promise<void>
}

const STEPS = [
  'CREATE TABLE runs (owner TEXT, app TEXT, started_at INTEGER NOT NULL, crashes INTEGER NOT NULL, PRIMARY KEY (owner, app)) WITHOUT ROWID',
]
/** A process that lived this long was not ended by what it had in flight when it began. */
const LONG_RUN_MS = 600_000

/** Notes that the app runs, durably, before it reads anything. Rejects with STATE_UNAVAILABLE. */
export const beginRun = async (database: Database, clock: Clock, app: string): Promise<Run> => {
  database.migrate('runs', STEPS)
  const owner = ownerToText(thisProcess())
  const startedAt = clock.now()
  const crashes = await database.write(() => {
    const rows = database
      .sql('SELECT owner, started_at, crashes FROM runs WHERE app = ?')
      .all(app) as unknown as readonly Row[]
    const dead = rows.filter(row => !isRunning(row.owner))
    for (const row of dead) database.sql('DELETE FROM runs WHERE app = ? AND owner = ?').run(app, row.owner)
    const counted = Math.max(0, ...dead.map(row => (startedAt - row.started_at > LONG_RUN_MS ? 1 : row.crashes + 1)))
    database.sql('INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)').run(owner, app, startedAt, counted)
    return counted
  })
  return {
    crashes,
    end: async () => {
      await database.write(() => database.sql('DELETE FROM runs WHERE app = ? AND owner = ?').run(app, owner))
    },
  }
}

interface Row {
  readonly owner: string
  readonly started_at: number
  readonly crashes: number
}

const isRunning = (text: string): boolean => {
  const owner = ownerFromText(text)
  return owner !== undefined && isAlive(owner)
}
