/**
 * Keys in the database of the state folder. Leases go by the time since the machine began, on which all of its processes
 * agree and which nobody sets; a claim of a process that is gone is free at once.
 */
import { type Clock, machineMs, systemClock } from '../clock.ts'
import { type Database, openDatabase } from '../database.ts'
import {
  type ClaimAnswer,
  type Claimant,
  type ClaimWrite,
  FENCE_MEMORY_MS,
  type IdempotencyStore,
  type KeyClaim,
  type StoredKey,
  type WriteAnswer,
} from '../idempotency-store.ts'
import { isAlive, ownerFromText } from '../owner.ts'

const STEPS: readonly string[] = [
  `
  CREATE TABLE idempotency (
    key TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    owner TEXT NOT NULL,
    fence INTEGER NOT NULL,
    -- Milliseconds since the machine began; of other states than claimed it means nothing.
    lease_until INTEGER NOT NULL,
    -- Milliseconds since the epoch.
    expires_at INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    result TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX idempotency_expired ON idempotency (expires_at);
  `,
]

/** Taken in one statement where nobody has it, which is the common case. */
const CLAIM = `
  INSERT INTO idempotency VALUES (?1, 'claimed', ?2, ?3, ?4, ?5, ?6, '')
  ON CONFLICT (key) DO UPDATE SET state = 'claimed', owner = ?2, fence = max(?3, fence + 1), lease_until = ?4,
    expires_at = ?5, fingerprint = ?6, result = ''
  WHERE state = 'free' OR (state = 'claimed' AND lease_until <= ?7) OR (state = 'done' AND expires_at <= ?8)
  RETURNING fence`
/** Of an owner that is gone. */
const TAKE_OVER = `
  UPDATE idempotency SET owner = ?2, fence = max(?3, fence + 1), lease_until = ?4, expires_at = ?5, fingerprint = ?6
  WHERE key = ?1 AND state = 'claimed' AND owner = ?7
  RETURNING fence`
const FIND = 'SELECT * FROM idempotency WHERE key = ?'
const RENEW = `UPDATE idempotency SET lease_until = ?4, expires_at = ?5
  WHERE key = ?1 AND owner = ?2 AND fence = ?3 AND state = 'claimed'`
const COMPLETE = `UPDATE idempotency SET state = 'done', expires_at = ?4, fingerprint = ?5, result = ?6
  WHERE key = ?1 AND owner = ?2 AND fence = ?3 AND state IN ('claimed', 'done')`
const RELEASE = `UPDATE idempotency SET state = 'free', expires_at = ?4
  WHERE key = ?1 AND owner = ?2 AND fence = ?3 AND state IN ('claimed', 'free')`
const REMOVE = 'DELETE FROM idempotency WHERE key = ?'
/** A claim whose owner lives may be renewed yet, whatever the wall clock says. */
const SWEEP = `DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency
  WHERE expires_at <= ?1 AND (state <> 'claimed' OR lease_until <= ?2) LIMIT ?3)`

const SWEEP_EVERY_MS = 10_000
const SWEPT_AT_ONCE = 1_000

export interface SqliteStoreParts {
  readonly clock?: Pick<Clock, 'now' | 'monotonic'>
  /** What leases are measured by. Default: {@link machineMs}. */
  readonly machineMs?: () => number
}

interface Row {
  readonly key: string
  readonly state: string
  readonly owner: string
  readonly fence: number
  readonly lease_until: number
  readonly expires_at: number
  readonly fingerprint: string
  readonly result: string
}

/** A store of its own on a state folder, which other processes of the machine may share, apps among them. */
export const sqliteIdempotency = (stateDir: string): IdempotencyStore => {
  const database = openDatabase(stateDir)
  const store = openSqliteIdempotency(database)
  let closed: Promise<void> | undefined
  return {
    ...store,
    close() {
      closed ??= database.close()
      return closed
    },
  }
}

export const openSqliteIdempotency = (
  database: Database,
  { clock = systemClock, machineMs: leaseClock = machineMs }: SqliteStoreParts = {},
): IdempotencyStore => {
  database.migrate('idempotency', STEPS)
  const { sql } = database
  let sweepAt = 0

  const claimOne = ({ key, fingerprint }: KeyClaim, { owner, leaseMs }: Claimant): ClaimAnswer => {
    const [now, wall] = [leaseClock(), clock.now()]
    const taking = [key, owner, wall * 1_000, now + leaseMs, wall + leaseMs + FENCE_MEMORY_MS, fingerprint] as const
    const taken = sql(CLAIM).get(...taking, now, wall) as { fence: number } | undefined
    if (taken) return { kind: 'claimed', fence: taken.fence }
    const row = sql(FIND).get(key) as unknown as Row
    const problem = problemOf(row)
    if (problem !== undefined) return { kind: 'unreadable', problem }
    if (row.state === 'done') return { kind: 'done', fingerprint: row.fingerprint, result: row.result }
    const holder = ownerFromText(row.owner)
    if (!holder || isAlive(holder)) return { kind: 'busy', leftMs: row.lease_until - now }
    const over = sql(TAKE_OVER).get(...taking, row.owner) as { fence: number }
    return { kind: 'claimed', fence: over.fence }
  }

  const writeOne = (write: ClaimWrite): WriteAnswer => {
    const held = [write.key, write.owner, write.fence] as const
    const wall = clock.now()
    const { changes } =
      write.kind === 'renew'
        ? sql(RENEW).run(...held, leaseClock() + write.leaseMs, wall + write.leaseMs + FENCE_MEMORY_MS)
        : write.kind === 'complete'
          ? sql(COMPLETE).run(...held, wall + write.ttlMs, write.fingerprint, write.result)
          : sql(RELEASE).run(...held, wall + FENCE_MEMORY_MS)
    return changes === 0 ? 'lost' : 'held'
  }

  /** Beside what is claimed anyhow: a transaction of its own would cost one more. */
  const sweep = (): void => {
    const now = clock.monotonic()
    if (now < sweepAt) return
    const { changes } = sql(SWEEP).run(clock.now(), leaseClock(), SWEPT_AT_ONCE)
    sweepAt = Number(changes) === SWEPT_AT_ONCE ? now : now + SWEEP_EVERY_MS
  }

  return {
    // A power cut ends the functions as well, so a claim that it takes along was in nobody's way.
    claim: (claims, by) =>
      database.claim(() => {
        const answers = claims.map(claim => claimOne(claim, by))
        sweep()
        return answers
      }),
    write: writes => database.write(() => writes.map(writeOne)),
    async show(key) {
      const row = database.read(() => sql(FIND).get(key) as Row | undefined)
      return row && shown(row, clock.now(), leaseClock())
    },
    remove: key => database.write(() => sql(REMOVE).run(key).changes !== 0),
    async close() {},
  }
}

const STATES: ReadonlySet<string> = new Set(['claimed', 'done', 'free'])

const problemOf = (row: Row): string | undefined => {
  if (!STATES.has(row.state)) return `its state is ${JSON.stringify(row.state)}`
  if (!Number.isSafeInteger(row.fence)) return `its fence is ${JSON.stringify(row.fence)}`
  // What another program wrote may be of any type, whatever the columns say.
  for (const column of ['lease_until', 'expires_at'] as const)
    if (typeof row[column] !== 'number') return `its ${column} is ${JSON.stringify(row[column])}`
  for (const column of ['owner', 'fingerprint', 'result'] as const)
    if (typeof row[column] !== 'string') return `its ${column} is no text`
  return undefined
}

const shown = (row: Row, wall: number, now: number): StoredKey => ({
  key: row.key,
  state: problemOf(row) === undefined ? (row.state as StoredKey['state']) : 'unreadable',
  owner: String(row.owner),
  fence: Number(row.fence),
  ...(row.state === 'claimed' ? { leaseLeftMs: Number(row.lease_until) - now } : {}),
  expiresInMs: typeof row.expires_at === 'number' ? row.expires_at - wall : Number.POSITIVE_INFINITY,
  fingerprint: String(row.fingerprint),
  result: String(row.result),
})
