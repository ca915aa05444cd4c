/** Transactions of PostgreSQL, over the pool of the package pg that the user has. */
import type { Transacted } from './transaction.ts'

export interface PgClient {
  query(sql: string, values?: unknown[]): Promise<{ readonly rows: unknown[]; readonly rowCount: number | null }>
}

/** As pg's Pool has it. */
export interface PgPool {
  connect(): Promise<PgClient & { release(broken?: Error | boolean): void }>
}

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
  WHERE t.expires_at <= now() RETURNING 1`
const FIND = 'SELECT fingerprint, result FROM millrace_transactions WHERE key = $1'
const COMPLETE = 'UPDATE millrace_transactions SET result = $2 WHERE key = $1'

const SWEEP = `DELETE FROM millrace_transactions WHERE key IN (
  SELECT key FROM millrace_transactions WHERE expires_at <= now() LIMIT 1000 FOR UPDATE SKIP LOCKED)`
/** Transactions of this process between two clean-ups. */
const SWEEP_EVERY = 500
let untilSweep = 0

/** Pools whose database has the tables. */
const prepared = new WeakMap<PgPool, Promise<void>>()

export const inPostgres = async (
  pool: PgPool,
  about: Transacted,
  fn: (client: PgClient) => unknown,
): Promise<unknown> =>
  transact(pool, async client => {
    const { rowCount } = await client.query(CLAIM, [about.key, about.fingerprint, about.ttlMs])
    if (rowCount === 0) {
      const [stored] = (await client.query(FIND, [about.key])).rows as { fingerprint: string; result: string }[]
      if (!stored) throw new Error(`the key ${about.key} was removed while it was looked at; call again`)
      return about.read(stored)
    }
    if (untilSweep === 0) await client.query(SWEEP)
    untilSweep = (untilSweep + SWEEP_EVERY - 1) % SWEEP_EVERY
    const result = about.write(await fn(client))
    await client.query(COMPLETE, [about.key, result])
    return about.read({ fingerprint: about.fingerprint, result })
  })

/** Committed when `run` resolves, rolled back when it rejects; a client that broke is not given back to others. */
export const transact = async <Value>(pool: PgPool, run: (client: PgClient) => Promise<Value>): Promise<Value> => {
  await prepare(pool)
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('BEGIN')
    const value = await run(client)
    await client.query('COMMIT')
    return value
  } catch (thrown) {
    await client.query('ROLLBACK').catch((error: Error) => {
      broken = error
    })
    throw thrown
  } finally {
    client.release(broken)
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

const createTables = async (pool: PgPool): Promise<void> => {
  const client = await pool.connect()
  try {
    const { rows } = await client.query("SELECT to_regclass('millrace_offsets') IS NOT NULL AS there")
    if ((rows as { there: boolean }[])[0]?.there) return
    await client.query(CREATE)
  } catch (thrown) {
    // Of two that make them at the same time one is told that they are there, whatever IF NOT EXISTS says.
    if (!['23505', '42P07'].includes(String((thrown as { code?: unknown }).code))) throw thrown
  } finally {
    client.release()
  }
}
