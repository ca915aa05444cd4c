/** Transactions of node:sqlite, on the connection that the user has. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { systemClock } from '../clock.ts'
import type { Transacted } from './transaction.ts'
import { endedInside } from './transaction-problems.ts'

const CREATE = `CREATE TABLE IF NOT EXISTS millrace_transactions (
  key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, result TEXT NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS millrace_transactions_expires ON millrace_transactions (expires_at);
CREATE TABLE IF NOT EXISTS millrace_offsets (
  consumer TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL, latest INTEGER NOT NULL,
  PRIMARY KEY (consumer, topic, partition)) WITHOUT ROWID`

const CLAIM = `INSERT INTO millrace_transactions (key, fingerprint, result, expires_at) VALUES (?1, ?2, '', ?3)
  ON CONFLICT (key) DO UPDATE SET fingerprint = ?2, result = '', expires_at = ?3 WHERE expires_at <= ?4`
const FIND = 'SELECT fingerprint, result FROM millrace_transactions WHERE key = ?'
const COMPLETE = 'UPDATE millrace_transactions SET result = ? WHERE key = ?'

const SWEEP = `DELETE FROM millrace_transactions WHERE key IN (
  SELECT key FROM millrace_transactions WHERE expires_at <= ? LIMIT 1000)`
/** Transactions of this process between two clean-ups. */
const SWEEP_EVERY = 500
let untilSweep = 0

const prepared = new WeakSet<DatabaseSync>()

export const inSqlite = (db: DatabaseSync, about: Transacted, fn: (db: DatabaseSync) => unknown): unknown =>
  transactSync(db, () => {
    const now = systemClock.now()
    const { changes } = prepare(db, CLAIM).run(about.key, about.fingerprint, now + about.ttlMs, now)
    if (changes === 0) return about.read(prepare(db, FIND).get(about.key) as { fingerprint: string; result: string })
    if (untilSweep === 0) prepare(db, SWEEP).run(now)
    untilSweep = (untilSweep + SWEEP_EVERY - 1) % SWEEP_EVERY
    const returned = fn(db)
    if (isPromise(returned))
      throw new TypeError(
        'withTransaction: with node:sqlite the function must not be async: what else uses the connection meanwhile would be in its transaction; nothing was kept',
      )
    mustBeOpen(db, 'withTransaction')
    const result = about.write(returned)
    // The function has rolled back and begun anew: nothing of what was claimed is there.
    if (prepare(db, COMPLETE).run(result, about.key).changes !== 1) throw endedInside('withTransaction')
    return about.read({ fingerprint: about.fingerprint, result })
  })

/** Whatever the connection makes of numbers and rows for its user: a change that is counted as `1n` is one all the same. */
export const prepare = (db: DatabaseSync, sql: string): StatementSync => {
  const statement = db.prepare(sql)
  statement.setReadBigInts(false)
  statement.setReturnArrays(false)
  return statement
}

export const mustBeOpen = (db: DatabaseSync, where: string): void => {
  if (!db.isTransaction) throw endedInside(where)
}

/** IMMEDIATE: it waits for other writers before it reads, not after. */
export const transactSync = <Value>(db: DatabaseSync, run: () => Value): Value => {
  if (db.isTransaction)
    throw new TypeError(
      'withTransaction: this connection is in a transaction already; end it, or use another connection',
    )
  if (!prepared.has(db)) db.exec(CREATE)
  prepared.add(db)
  db.exec('BEGIN IMMEDIATE')
  try {
    const value = run()
    db.exec('COMMIT')
    return value
  } catch (thrown) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw thrown
  }
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
