/** Transactions of PostgreSQL, over the pool of the package pg that the user has. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { inTransaction, type PgClient, type PgPool, withClient } from '../postgres.ts'
import type { Transacted } from './transaction.ts'
import { endedInside, isInside } from './transaction-problems.ts'

const CREATE = `CREATE TABLE IF NOT EXISTS millrace_transactions (
  key text COLLATE "C" PRIMARY KEY, fingerprint text NOT NULL, result text NOT NULL, expires_at timestamptz NOT NULL);
CREATE INDEX IF NOT EXISTS millrace_transactions_expires ON millrace_transactions (expires_at);
CREATE TABLE IF NOT EXISTS millrace_offsets (
  consumer text NOT NULL, topic text NOT NULL, partition int NOT NULL, next bigint NOT NULL, latest bigint NOT NULL,
  PRIMARY KEY (consumer, topic, partition))`

/** Of two that insert a key the second waits for the first: it finds the key, or has it because the first rolled back. */
const CLAIM = `INSERT INTO millrace_transactions AS t (key, fingerprint, result, expires_at)
  VALUES ($1, $2, '', now() + $3::float8 * interval '1 millisecond')
  ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, result = '', expires_at = excluded.expires_at
  WHERE t.expires_at <= now() RETURNING txid_current()::text AS tx`
const FIND = 'SELECT fingerprint, result FROM millrace_transactions WHERE key = $1'
/** Only in the transaction that claimed it: one that `fn` ended has taken the claim along, or kept it by itself. */
const COMPLETE = 'UPDATE millrace_transactions SET result = $2 WHERE key = $1 AND txid_current()::text = $3'

const SWEEP = `DELETE FROM millrace_transactions WHERE key IN (
  SELECT key FROM millrace_transactions WHERE expires_at <= now() LIMIT 1000 FOR UPDATE SKIP LOCKED)`
/** Transactions of this process between two clean-ups. */
const SWEEP_EVERY = 500
let untilSweep = 0

/** Pools whose database has the tables. */
const prepared = new WeakMap<PgPool, Promise<void>>()

export const inPostgres = (pool: PgPool, about: Transacted, fn: (client: PgClient) => unknown): Promise<unknown> =>
  transact(pool, async (client, begins) => {
    const [claimed] = (await client.query(CLAIM, [about.key, about.fingerprint, about.ttlMs])).rows as { tx: string }[]
    if (!claimed) {
      const [stored] = (await client.query(FIND, [about.key])).rows as { fingerprint: string; result: string }[]
      if (!stored) throw new Error(`the key ${about.key} was removed while it was looked at; call again`)
      return about.read(stored)
    }
    if (untilSweep === 0) await client.query(SWEEP)
    untilSweep = (untilSweep + SWEEP_EVERY - 1) % SWEEP_EVERY
    begins()
    const result = about.write(await fn(client))
    const { rowCount } = await client.query(COMPLETE, [about.key, result, claimed.tx])
    if (rowCount !== 1) throw endedInside('withTransaction')
    return about.read({ fingerprint: about.fingerprint, result })
  })

/** In what of a pool the running code is. */
const around = new AsyncLocalStorage<{ readonly pool: PgPool; state: 'open' | 'over' }>()

/** Of transactions that the server ended because others were at the same rows, before anything of the user's ran. */
const MOST_TRIES = 10

/**
 * Committed when `run` resolves, rolled back when it rejects; a client that broke is not given back to others. `run` says
 * when it `begins` what is not to be done twice: where the isolation level lets nobody wait for others, it is tried again
 * until then.
 */
export const transact = async <Value>(
  pool: PgPool,
  run: (client: PgClient, begins: () => void) => Promise<Value>,
): Promise<Value> => {
  const outer = around.getStore()
  if (outer?.pool === pool && outer.state === 'open')
    throw isInside('of the same pool', 'write through the client that the function was given, or use another pool')
  await prepare(pool)
  for (let tries = 1; ; tries += 1) {
    let begun = false
    const begins = (): void => {
      begun = true
    }
    const here = { pool, state: 'open' as 'open' | 'over' }
    try {
      return await around.run(here, () => inTransaction(pool, client => run(client, begins)))
    } catch (thrown) {
      if (begun || tries === MOST_TRIES || (thrown as { code?: unknown } | null)?.code !== '40001') throw thrown
    } finally {
      here.state = 'over'
    }
  }
}

const prepare = (pool: PgPool): Promise<void> => {
  const known = prepared.get(pool)
  if (known) return known
  const preparing = createTables(pool)
  prepared.set(pool, preparing)
  preparing.catch(() => prepared.delete(pool))
  return preparing
}

const createTables = (pool: PgPool): Promise<void> =>
  withClient(pool, async client => {
    try {
      const { rows } = await client.query("SELECT to_regclass('millrace_offsets') IS NOT NULL AS there")
      if ((rows as { there: boolean }[])[0]?.there) return
      await client.query(CREATE)
    } catch (thrown) {
      // Of two that make them at the same time one is told that they are there, whatever IF NOT EXISTS says.
      if (!['23505', '42P07'].includes(String((thrown as { code?: unknown }).code))) throw thrown
    }
  })
