/** Where running apps write every second how they are, so that `millrace status` can ask without a port. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { AppStatus } from './app-status.ts'
import type { Clock } from './clock.ts'
import { type Database, openDatabase } from './database.ts'
import type { Log } from './log.ts'
import { isAlive, ownerFromText, ownerToText, thisProcess } from './owner.ts'

export interface ProcessStatus {
  readonly pid: number
  /** Milliseconds since the epoch of its last word. */
  readonly updatedAt: number
  readonly status: AppStatus
}

export interface StatusBoard {
  /** Takes the row away. */
  close(): Promise<void>
}

const INTERVAL_MS = 1_000
const STEPS = [
  'CREATE TABLE processes (owner TEXT, app TEXT, updated_at INTEGER NOT NULL, status TEXT NOT NULL, PRIMARY KEY (owner, app)) WITHOUT ROWID',
]

/** Writes `status()` at once and then every second; its timer keeps the process of a running app alive. */
export const postStatus = (database: Database, clock: Clock, log: Log, status: () => AppStatus): StatusBoard => {
  database.migrate('status-board', STEPS)
  const owner = ownerToText(thisProcess())
  let app = status().name
  let warned = false
  const write = (): void => {
    const now = status()
    app = now.name
    database
      .claim(() =>
        database
          .sql('INSERT OR REPLACE INTO processes (owner, app, updated_at, status) VALUES (?, ?, ?, ?)')
          .run(owner, now.name, clock.now(), JSON.stringify(now)),
      )
      .then(() => {
        warned = false
      })
      .catch(error => {
        if (!warned) log.warn('the status cannot be written; millrace status will not know this process', { error })
        warned = true
      })
  }
  let cancel = clock.after(0, () => tick())
  const tick = (): void => {
    write()
    cancel = clock.after(INTERVAL_MS, tick)
  }
  return {
    async close() {
      cancel()
      await database
        .claim(() => database.sql('DELETE FROM processes WHERE owner = ? AND app = ?').run(owner, app))
        .catch(error => log.warn('the status could not be taken away', { error }))
    },
  }
}

/** The processes that run an app on this state folder now; those that died without a word are left out. */
export const readStatus = async (stateDir: string): Promise<readonly ProcessStatus[]> => {
  if (!existsSync(join(stateDir, 'millrace.db'))) return []
  const database = openDatabase(stateDir)
  try {
    database.migrate('status-board', STEPS)
    const rows = database.sql('SELECT owner, updated_at, status FROM processes').all() as unknown as readonly Row[]
    return rows.flatMap(row => {
      const owner = ownerFromText(row.owner)
      if (!owner || !isAlive(owner)) return []
      return [{ pid: owner.pid, updatedAt: row.updated_at, status: JSON.parse(row.status) as AppStatus }]
    })
  } finally {
    await database.close()
  }
}

interface Row {
  readonly owner: string
  readonly updated_at: number
  readonly status: string
}
