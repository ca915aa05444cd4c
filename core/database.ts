/**
 * The one SQLite database of an app's state folder: the embedded broker, dead letters and attempts live in it.
 *
 * node:sqlite is synchronous, so transactions are short and few: all that was asked for during one turn of the event
 * loop is one transaction with one sync to disk (group commit), and each promise resolves when it is committed.
 *
 *   write(a) ─┐
 *   write(b) ─┼─ end of the turn ─▶ BEGIN · a · b · claim · COMMIT (synced) ─▶ all three resolve
 *   claim(c) ─┘
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { systemClock } from './clock.ts'
import { MillraceError, wrapError } from './errors.ts'

export interface Database {
  /** Absolute path of the file. */
  readonly path: string
  /** A statement prepared once for each text. */
  sql(text: string): StatementSync
  /**
   * Runs `work` in the transaction of this turn; resolves once it is on disk. `work` may run twice (when a neighbour
   * in the transaction failed), so it changes nothing but the database. Rejects with STATE_UNAVAILABLE when the disk
   * is full or cannot be written, and with what `work` threw; either way nothing of it was stored.
   */
  write<T>(work: () => T): Promise<T>
  /** Like `write`, for what need not survive a power cut: a transaction of such work alone is not synced. */
  claim<T>(work: () => T): Promise<T>
  /** Runs a query at once, outside any transaction; throws STATE_UNAVAILABLE when the file cannot be read. */
  read<T>(work: () => T): T
  /** True when another connection, of this process or another, has committed since the last call. */
  changedElsewhere(): boolean
  /** Runs the statements of a room that were not run yet; `steps` may only ever be appended to. */
  migrate(room: string, steps: readonly string[]): void
  /** Commits what is queued; the last holder closes the file. */
  close(): Promise<void>
}

interface Queued {
  readonly work: () => unknown
  readonly durable: boolean
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Another process's transaction lasts milliseconds; longer waits are taken without blocking the event loop. */
const BUSY_BLOCK_MS = 20
const BUSY_PAUSE_MS = 5
const OPEN_BLOCK_MS = 5_000
const BUSY_GIVE_UP_TRIES = 1_000
const FILE_NAME = 'millrace.db'
/** Measured with 1 KB records: claim and delete are 15 % faster than with SQLite's 4,096, and 16,384 gains nothing more. */
const PAGE_BYTES = 8_192

/** How far the tables of each room are. */
const CREATE_ROOMS = 'CREATE TABLE IF NOT EXISTS rooms (name TEXT PRIMARY KEY, step INTEGER NOT NULL)'

const open = new Map<string, { readonly database: Database; holders: number }>()

/**
 * Opens the database in `stateDir`, which is created where it is missing. Every caller in a process shares one
 * connection. Throws STATE_UNAVAILABLE when the folder cannot be written or the file is no database.
 */
export const openDatabase = (stateDir: string): Database => {
  const path = join(stateDir, FILE_NAME)
  const shared = open.get(path)
  if (shared) {
    shared.holders += 1
    return shared.database
  }
  const database = connect(openFile(stateDir, path), path, () => {
    const entry = open.get(path)
    if (!entry) return false
    entry.holders -= 1
    if (entry.holders > 0) return false
    open.delete(path)
    return true
  })
  open.set(path, { database, holders: 1 })
  return database
}

/** A database of one app, gone when it is closed: for tests. */
export const openMemoryDatabase = (): Database => {
  const connection = new DatabaseSync(':memory:')
  connection.exec(CREATE_ROOMS)
  return connect(connection, ':memory:', () => true)
}

/** `release` answers whether its caller was the last holder. */
const connect = (connection: DatabaseSync, path: string, release: () => boolean): Database => {
  const statements = new Map<string, StatementSync>()
  const sql = (text: string): StatementSync => {
    let statement = statements.get(text)
    if (!statement) {
      statement = connection.prepare(text)
      statements.set(text, statement)
    }
    return statement
  }

  let queue: Queued[] = []
  let scheduled = false
  let synced = true
  let seenVersion = -1

  const enqueue = <T>(work: () => T, durable: boolean): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      queue.push({ work, durable, resolve: resolve as (value: unknown) => void, reject })
      schedule()
    })
  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    setImmediate(() => commit(0))
  }

  const commit = (busyTries: number): void => {
    const batch = queue
    queue = []
    scheduled = false
    const outcome = transact(batch)
    if (outcome === 'busy') {
      if (busyTries >= BUSY_GIVE_UP_TRIES) {
        fail(batch, new MillraceError('STATE_UNAVAILABLE', `${path}: another process has kept the database locked`))
        return
      }
      queue = [...batch, ...queue]
      scheduled = true
      systemClock.after(BUSY_PAUSE_MS, () => commit(busyTries + 1))
      return
    }
    for (const [index, item] of batch.entries()) {
      const result = outcome[index]
      if (result && 'error' in result) item.reject(unavailable(path, result.error))
      else item.resolve(result?.value)
    }
  }

  const fail = (batch: readonly Queued[], error: MillraceError): void => {
    for (const item of batch) item.reject(error)
  }

  /** One transaction for all; when one of them throws, each again in a transaction of its own. */
  const transact = (batch: readonly Queued[]): readonly Result[] | 'busy' => {
    const together = runTogether(batch)
    if (together !== 'failed') return together
    return alone(batch)
  }

  const runTogether = (batch: readonly Queued[]): readonly Result[] | 'busy' | 'failed' => {
    try {
      begin(batch.some(item => item.durable))
    } catch (error) {
      return isBusy(error) ? 'busy' : batch.map(() => ({ error }))
    }
    try {
      const results = batch.map(item => ({ value: item.work() }))
      connection.exec('COMMIT')
      return results
    } catch {
      rollback()
      return 'failed'
    }
  }

  const alone = (batch: readonly Queued[]): readonly Result[] =>
    batch.map(item => {
      try {
        begin(item.durable)
        const value = item.work()
        connection.exec('COMMIT')
        return { value }
      } catch (error) {
        rollback()
        return { error }
      }
    })

  /** The pragma belongs to the connection, not to the transaction: it is switched only when the need changes. */
  const begin = (durable: boolean): void => {
    if (durable !== synced) {
      connection.exec(durable ? 'PRAGMA synchronous=FULL' : 'PRAGMA synchronous=NORMAL')
      synced = durable
    }
    connection.exec('BEGIN IMMEDIATE')
  }
  const rollback = (): void => {
    if (connection.isTransaction) connection.exec('ROLLBACK')
  }

  const stepsDone = (room: string): number =>
    Number((sql('SELECT step FROM rooms WHERE name = ?').get(room) as { step: number } | undefined)?.step ?? 0)

  const takeSteps = (room: string, steps: readonly string[]): void => {
    connection.exec('BEGIN IMMEDIATE')
    for (const step of steps.slice(stepsDone(room))) connection.exec(step)
    sql('INSERT OR REPLACE INTO rooms (name, step) VALUES (?, ?)').run(room, Math.max(stepsDone(room), steps.length))
    connection.exec('COMMIT')
  }

  return {
    path,
    sql,
    write: work => enqueue(work, true),
    claim: work => enqueue(work, false),
    read(work) {
      try {
        return work()
      } catch (error) {
        throw unavailable(path, error)
      }
    },
    changedElsewhere() {
      const version = Number((sql('PRAGMA data_version').get() as { data_version: number }).data_version)
      const changed = version !== seenVersion
      seenVersion = version
      return changed
    },
    migrate(room, steps) {
      // Opening may block: another process may be opening the file as well, or recovering it after a kill.
      connection.exec(`PRAGMA busy_timeout=${OPEN_BLOCK_MS}`)
      try {
        if (stepsDone(room) < steps.length) takeSteps(room, steps)
      } catch (error) {
        rollback()
        throw unavailable(path, error)
      } finally {
        connection.exec(`PRAGMA busy_timeout=${BUSY_BLOCK_MS}`)
      }
    },
    async close() {
      while (scheduled) await new Promise(resolve => setImmediate(resolve))
      if (release()) connection.close()
    },
  }
}

type Result = { readonly value: unknown } | { readonly error: unknown }

const openFile = (stateDir: string, path: string): DatabaseSync => {
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 })
    const connection = new DatabaseSync(path, { timeout: OPEN_BLOCK_MS })
    connection.exec(`PRAGMA page_size=${PAGE_BYTES}`)
    connection.exec('PRAGMA journal_mode=WAL')
    connection.exec('PRAGMA synchronous=FULL')
    connection.exec(CREATE_ROOMS)
    connection.exec(`PRAGMA busy_timeout=${BUSY_BLOCK_MS}`)
    connection.exec('PRAGMA journal_size_limit=67108864')
    return connection
  } catch (error) {
    throw unavailable(path, error)
  }
}

const SQLITE_BUSY = 5
const SQLITE_PRIMARY_CODE = 0xff

const isBusy = (error: unknown): boolean =>
  (Number((error as { errcode?: unknown }).errcode) & SQLITE_PRIMARY_CODE) === SQLITE_BUSY

/** An error of SQLite itself is about the file; anything else was thrown by the work and is handed on as it is. */
const unavailable = (path: string, error: unknown): unknown =>
  (error as { code?: unknown }).code === 'ERR_SQLITE_ERROR' || (error as { syscall?: unknown }).syscall !== undefined
    ? wrapError(
        'STATE_UNAVAILABLE',
        `${path} cannot be used; free space or mend its permissions, then it goes on by itself`,
        error,
      )
    : error
