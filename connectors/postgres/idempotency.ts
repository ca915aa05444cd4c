/** Idempotency keys in PostgreSQL: a whole batch is one round trip, and what was confirmed is as durable as the database is. */
import { systemClock } from '../../core/clock.ts'
import { resolveSecrets } from '../../core/config/secret.ts'
import {
  type ClaimAnswer,
  type ClaimWrite,
  FENCE_MEMORY_MS,
  type IdempotencyStore,
  type StoredKey,
} from '../../core/idempotency-store.ts'
import { silentLog } from '../../core/log.ts'
import { openPostgres, type PostgresOptions, type Queries } from '../../core/postgres.ts'
import { createMissing, postgresError } from '../../core/postgres-failure.ts'
import type { PostgresConnection } from './channel.ts'
import { CLAIM, CREATE, EXISTS, REMOVE, SHOW, SWEEP, TABLE, WRITE } from './idempotency-statements.ts'

/** As pg's Pool and Client have it. */
export interface PgQueries {
  query(sql: string, values?: unknown[]): Promise<{ readonly rows: unknown[]; readonly rowCount: number | null }>
}

const SWEEP_EVERY_MS = 10_000
const SWEPT_AT_ONCE = 1_000

/**
 * A store for `idempotent`, `processBatch` or onRecord; a configuration names the connection itself instead. Over a pool of
 * its own, or over yours, which it leaves open. Its table is made with the first question where it is missing.
 */
export const postgresIdempotency = (of: PostgresConnection | PgQueries): IdempotencyStore => {
  const name = 'kind' in of ? of.name : 'PostgreSQL'
  let opened: Promise<{ readonly store: IdempotencyStore; close(): Promise<void> }> | undefined
  const open = async () => {
    if (!('kind' in of)) return { store: await openPostgresKeys(name, queriesOf(of)), close: async () => {} }
    const options = resolveSecrets(of.options, `connections.${name}`, {}) as PostgresOptions
    const postgres = await openPostgres(name, options, { log: silentLog })
    return { store: await openPostgresKeys(name, postgres), close: postgres.close }
  }
  const store = async (): Promise<IdempotencyStore> => {
    opened ??= open().catch(error => {
      opened = undefined
      throw error
    })
    return (await opened).store
  }
  return {
    claim: async (claims, by) => (await store()).claim(claims, by),
    write: async writes => (await store()).write(writes),
    show: async key => (await store()).show(key),
    remove: async key => (await store()).remove(key),
    close: async () => (await opened?.catch(() => undefined))?.close(),
  }
}

const queriesOf = (pg: PgQueries): Queries => ({
  async query<Row>(sql: string, values: readonly unknown[] = []) {
    const { rows, rowCount } = await pg.query(sql, [...values])
    return { rows: rows as Row[], count: rowCount ?? 0 }
  },
})

/** Makes its table where it is missing. */
export const openPostgresKeys = async (name: string, queries: Queries): Promise<IdempotencyStore> => {
  const asked = askingOn(name, queries)
  const [found] = await asked<{ exists: boolean }>('looking for the table of keys', EXISTS, [])
  if (!found?.exists) await createTable(name, queries)
  return postgresKeys(asked, queries)
}

type Ask = <Row>(doing: string, sql: string, values: readonly unknown[]) => Promise<readonly Row[]>

const askingOn =
  (name: string, { query }: Queries): Ask =>
  async <Row>(doing: string, sql: string, values: readonly unknown[]) => {
    try {
      return (await query<Row>(sql, values)).rows
    } catch (thrown) {
      throw postgresError('IDEMPOTENCY_STORE_FAILED', `${doing} in ${name}`, thrown)
    }
  }

const createTable = async (name: string, { query }: Queries): Promise<void> => {
  try {
    await createMissing(() => query(CREATE))
  } catch (thrown) {
    throw postgresError('IDEMPOTENCY_STORE_FAILED', `making the table ${TABLE} in ${name}`, thrown)
  }
}

interface ClaimRow {
  readonly fence: number | null
  readonly state: string | null
  readonly fingerprint: string | null
  readonly result: string | null
  readonly left_ms: number | null
}

interface ShownRow {
  readonly state: string
  readonly owner: string
  readonly fence: number
  readonly fingerprint: string
  readonly result: string
  readonly left_ms: number
  readonly expires_in_ms: number
}

const postgresKeys = (ask: Ask, queries: Queries): IdempotencyStore => {
  let sweepAt = 0
  /** Beside what is claimed; who claims does not wait for it. */
  const sweep = (): void => {
    const now = systemClock.monotonic()
    if (now < sweepAt) return
    sweepAt = now + SWEEP_EVERY_MS
    queries.query(SWEEP, [SWEPT_AT_ONCE]).then(
      ({ count }) => {
        if (count === SWEPT_AT_ONCE) sweepAt = 0
      },
      () => {
        // What is not swept lies there for another while; whatever is wrong, claiming tells it.
      },
    )
  }
  return {
    async claim(claims, { owner, leaseMs }) {
      if (claims.length === 0) return []
      sweep()
      const keys = claims.map(({ key }) => key)
      const fingerprints = claims.map(({ fingerprint }) => fingerprint)
      const values = [keys, fingerprints, owner, Math.ceil(leaseMs), FENCE_MEMORY_MS]
      return (await ask<ClaimRow>('claiming keys', CLAIM, values)).map(answerOf)
    },
    async write(writes) {
      if (writes.length === 0) return []
      const rows = await ask<{ n: number }>('writing keys', WRITE, columnsOf(writes))
      const held = new Set(rows.map(({ n }) => n))
      return writes.map((_, index) => (held.has(index + 1) ? 'held' : 'lost'))
    },
    async show(key) {
      const [row] = await ask<ShownRow>('looking at a key', SHOW, [key])
      return row && shown(key, row)
    },
    async remove(key) {
      const rows = await ask<{ key: string }>('removing a key', `${REMOVE} RETURNING key`, [key])
      return rows.length > 0
    },
    async close() {},
  }
}

const columnsOf = (writes: readonly ClaimWrite[]): readonly unknown[] => [
  writes.map(({ key }) => key),
  writes.map(({ owner }) => owner),
  writes.map(({ fence }) => fence),
  writes.map(({ kind }) => kind),
  writes.map(write => Math.ceil(write.kind === 'complete' ? write.ttlMs : write.kind === 'renew' ? write.leaseMs : 0)),
  writes.map(write => (write.kind === 'complete' ? write.fingerprint : '')),
  writes.map(write => (write.kind === 'complete' ? write.result : '')),
  FENCE_MEMORY_MS,
]

const STATES: ReadonlySet<string> = new Set(['claimed', 'done', 'free'])

const answerOf = ({ fence, state, fingerprint, result, left_ms: leftMs }: ClaimRow): ClaimAnswer => {
  if (fence !== null) return { kind: 'claimed', fence }
  if (state === 'done') return { kind: 'done', fingerprint: fingerprint ?? '', result: result ?? '' }
  if (state !== null && !STATES.has(state))
    return { kind: 'unreadable', problem: `its state is ${JSON.stringify(state)}` }
  // Taken by somebody else while this waited: for how long, the snapshot does not say.
  return { kind: 'busy', leftMs: Math.max(1, leftMs ?? 1) }
}

const shown = (key: string, row: ShownRow): StoredKey => ({
  key,
  state: STATES.has(row.state) ? (row.state as StoredKey['state']) : 'unreadable',
  owner: row.owner,
  fence: row.fence,
  ...(row.state === 'claimed' ? { leaseLeftMs: row.left_ms } : {}),
  expiresInMs: row.expires_in_ms,
  fingerprint: row.fingerprint,
  result: row.result,
})
