/** The stores that are tried, and the effects beside them, as an address that a process of its own can open. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sqliteIdempotency } from '../../../core/idempotency/sqlite-store.ts'
import { withTransaction } from '../../../core/idempotency/transaction.ts'
import type { IdempotencyStore } from '../../../core/idempotency-store.ts'

/** `…-transaction`: claim, effect and result are one transaction. */
export const STORES = ['sqlite', 'redis', 'postgres', 'sqlite-transaction', 'postgres-transaction'] as const
export type StoreName = (typeof STORES)[number]

export interface PlaceAddress {
  readonly store: StoreName
  /** Of the files, whichever store it is. */
  readonly folder: string
  /** Of the server, where there is one. */
  readonly url: string
}

export interface Effect {
  readonly key: string
  readonly fence: number
}

export interface Place {
  readonly store: IdempotencyStore
  /** An effect somewhere else than the store: a line in a file, written at once. */
  effect(key: string, fence: number): void
  /** Runs `effect` in a transaction with its claim; `during` is called inside, after the effect. */
  transact(key: string, during: (moment: 'before' | 'after') => void): Promise<void>
  effects(): Promise<readonly Effect[]>
  close(): Promise<void>
}

const NEVER_CALLED: IdempotencyStore = {
  claim: () => Promise.reject(new Error('a transaction needs no store')),
  write: () => Promise.reject(new Error('a transaction needs no store')),
  show: async () => undefined,
  remove: async () => false,
  async close() {},
}

export const openPlace = async ({ store, folder, url }: PlaceAddress): Promise<Place> => {
  if (store === 'sqlite-transaction') return sqliteTransactions(folder)
  if (store === 'postgres-transaction') return postgresTransactions(url)
  const file = join(folder, 'effects')
  const opened = store === 'sqlite' ? sqliteIdempotency(folder) : await remoteStore(store, url)
  return {
    store: opened,
    effect: (key, fence) => appendFileSync(file, `${key} ${fence}\n`),
    transact: () => Promise.reject(new Error(`${store} has no transaction with the effect`)),
    effects: async () =>
      existsSync(file)
        ? readFileSync(file, 'utf8')
            .split('\n')
            .filter(line => line !== '')
            .map(line => ({ key: line.split(' ')[0] ?? '', fence: Number(line.split(' ')[1]) }))
        : [],
    close: () => opened.close(),
  }
}

/** Clients are loaded where they are needed: a process is started for each kill. */
const remoteStore = async (store: 'redis' | 'postgres', url: string): Promise<IdempotencyStore> => {
  if (store === 'redis') {
    const { redis, redisIdempotency } = await import('../../../connectors/redis/index.ts')
    return redisIdempotency(redis('chaos', { url }))
  }
  const { postgres, postgresIdempotency } = await import('../../../connectors/postgres/index.ts')
  return postgresIdempotency(postgres('chaos', { url }))
}

const sqliteTransactions = (folder: string): Place => {
  const db = new DatabaseSync(join(folder, 'effects.db'), { timeout: 20_000 })
  db.exec('PRAGMA journal_mode=WAL; CREATE TABLE IF NOT EXISTS effects (key TEXT NOT NULL)')
  return {
    store: NEVER_CALLED,
    effect: () => {},
    transact: async (key, during) =>
      withTransaction(
        db,
        key,
        inside => {
          during('before')
          inside.prepare('INSERT INTO effects VALUES (?)').run(key)
          during('after')
        },
        { name: 'chaos' },
      ),
    effects: async () =>
      db
        .prepare('SELECT key FROM effects')
        .all()
        .map(({ key }) => ({ key: String(key), fence: 0 })),
    close: async () => db.close(),
  }
}

const postgresTransactions = async (url: string): Promise<Place> => {
  const { Pool } = await import('pg')
  const pool = new Pool({ connectionString: url, max: 4 })
  pool.on('error', () => {})
  await pool.query('CREATE TABLE IF NOT EXISTS effects (key text NOT NULL)').catch(() => undefined)
  return {
    store: NEVER_CALLED,
    effect: () => {},
    transact: async (key, during) =>
      withTransaction(
        pool,
        key,
        async client => {
          during('before')
          await client.query('INSERT INTO effects VALUES ($1)', [key])
          during('after')
        },
        { name: 'chaos' },
      ),
    effects: async () => (await pool.query('SELECT key FROM effects')).rows.map(({ key }) => ({ key, fence: 0 })),
    close: () => pool.end(),
  }
}
