/**
 * Claiming and settling rows: one statement each, no transaction is left open, nothing is true but what the table says.
 *
 *   ready ──claim──▶ claimed, until its lease ends ──accepted, rejected──▶ gone, or marked as settled
 *     ▲                  │
 *     └──────────────────┘ released, put off, or the lease was not renewed
 *
 * By key only the first row of a key is ever ready: what waits or runs holds back those behind it, in every process.
 */
import type { Settlement } from '../../core/contract.ts'
import type { Queries } from '../../core/postgres.ts'
import { type OutboxRow, RECORD_COLUMNS } from './record.ts'
import { IS_BUSY, type OutboxTable } from './table.ts'

export interface Claiming {
  readonly table: OutboxTable
  readonly order: 'key' | 'none'
  /** Whose claims these are: unique for each opened source. */
  readonly owner: string
  /** Milliseconds. */
  readonly leaseMs: number
  /** Milliseconds for which settled rows are kept; undefined: they are deleted. */
  readonly keepMs: number | undefined
}

export interface TakenRow extends OutboxRow {
  readonly attempts: number
  /** Claims on it before that ended without a verdict. */
  readonly claims: number
  readonly first_ms: number
}

export interface Want {
  readonly max: number
  readonly maxBytes: number
}

const isReady = (row: string): string =>
  `${row}.settled_at IS NULL AND (${row}.claimed_until IS NULL OR ${row}.claimed_until < now())
   AND (${row}.due_at IS NULL OR ${row}.due_at <= now())`

/**
 * The first rows of keys none of whose rows runs or waits, among so many rows from the oldest on. Leaving out whole keys,
 * the first row that is seen of a key is its first. Who takes it has to touch it, which the other then finds.
 */
const candidates = ({ table: { sql }, order }: Claiming): string =>
  order === 'none'
    ? `SELECT o.id FROM ${sql} o WHERE ${isReady('o')} ORDER BY o.id`
    : `SELECT id FROM (
         WITH seen AS MATERIALIZED (
           SELECT o.id, o.key FROM ${sql} o
           WHERE ${isReady('o')} AND (o.key IS NULL OR o.key NOT IN (
             SELECT key FROM ${sql} WHERE ${IS_BUSY} AND (claimed_until >= now() OR due_at > now())))
           ORDER BY o.id LIMIT ${WINDOW})
         SELECT min(id) AS id FROM seen WHERE key IS NOT NULL GROUP BY key
         UNION ALL SELECT id FROM seen WHERE key IS NULL) firsts ORDER BY id`

/** Where they are all of a few keys, the next look sees behind them: then those keys are busy. */
const WINDOW = 5_000

/** The earliest rows that are ready. */
export const claim = async (
  { query }: Queries,
  claiming: Claiming,
  { max, maxBytes }: Want,
): Promise<readonly TakenRow[]> => {
  const { table, owner, leaseMs } = claiming
  const { rows } = await query<TakenRow>(
    `WITH ready AS MATERIALIZED (
       SELECT mine.id, mine.bytes FROM (${candidates(claiming)}) candidate CROSS JOIN LATERAL (
         SELECT o.id, coalesce(octet_length(o.body), pg_column_size(o.data), 0) AS bytes FROM ${table.sql} o
         WHERE o.id = candidate.id AND ${isReady('o')} FOR UPDATE SKIP LOCKED) mine
       LIMIT $1),
     chosen AS (
       SELECT id FROM (SELECT id, sum(bytes) OVER (ORDER BY id) - bytes AS before FROM ready) fitting WHERE before < $2)
     UPDATE ${table.sql} t SET claimed_by = $3, claimed_until = now() + $4 * interval '1 millisecond',
       claims = t.claims + (t.claimed_by IS NOT NULL)::integer, first_claimed_at = coalesce(t.first_claimed_at, now())
     FROM chosen WHERE t.id = chosen.id
     RETURNING ${RECORD_COLUMNS}, t.attempts, t.claims,
       (extract(epoch FROM t.first_claimed_at) * 1000)::float8 AS first_ms`,
    [max, maxBytes, owner, leaseMs],
  )
  return rows.toSorted((one, other) => (BigInt(one.id) < BigInt(other.id) ? -1 : 1))
}

export interface RowVerdict {
  readonly id: string
  readonly verdict: Settlement
}

/** Answers with the ids that were ours to settle. A verdict whose answer got lost can be told again. */
export const settle = async (
  { query }: Queries,
  { table, owner, keepMs }: Claiming,
  verdicts: readonly RowVerdict[],
): Promise<ReadonlySet<string>> => {
  const done = verdicts.filter(({ verdict: { outcome } }) => outcome === 'accepted' || outcome === 'rejected')
  const back = verdicts.flatMap(({ id, verdict }) =>
    verdict.outcome === 'released' || verdict.outcome === 'deferred' ? [{ id, verdict }] : [],
  )
  const mine = 't.claimed_by = $1 AND t.settled_at IS NULL'
  const ending =
    keepMs === undefined
      ? `DELETE FROM ${table.sql} t WHERE ${mine} AND t.id = ANY($2::bigint[])`
      : `UPDATE ${table.sql} t SET settled_at = now(), claimed_by = NULL, claimed_until = NULL
         WHERE ${mine} AND t.id = ANY($2::bigint[])`
  const { rows } = await query<{ readonly id: string }>(
    `WITH ended AS (${ending} RETURNING t.id),
     returned AS (
       UPDATE ${table.sql} t SET claimed_by = NULL, claimed_until = NULL, attempts = back.attempts,
         due_at = CASE WHEN back.delay > 0 THEN now() + back.delay * interval '1 millisecond' END
       FROM unnest($3::bigint[], $4::integer[], $5::float8[]) AS back (id, attempts, delay)
       WHERE ${mine} AND t.id = back.id RETURNING t.id)
     SELECT id::text AS id FROM ended UNION ALL SELECT id::text FROM returned`,
    [
      owner,
      done.map(({ id }) => id),
      back.map(({ id }) => id),
      back.map(({ verdict }) => verdict.attempts),
      back.map(({ verdict }) => (verdict.outcome === 'deferred' ? verdict.delayMs : 0)),
    ],
  )
  return new Set(rows.map(({ id }) => id))
}

/** Answers with those that are ours still. */
export const renew = async (
  { query }: Queries,
  { table, owner, leaseMs }: Claiming,
  ids: readonly string[],
): Promise<ReadonlySet<string>> => {
  const { rows } = await query<{ readonly id: string }>(
    `UPDATE ${table.sql} SET claimed_until = now() + $1 * interval '1 millisecond'
     WHERE claimed_by = $2 AND id = ANY($3::bigint[]) AND settled_at IS NULL RETURNING id::text AS id`,
    [leaseMs, owner, ids],
  )
  return new Set(rows.map(({ id }) => id))
}

/** Gives back what this owner holds, but for these. */
export const releaseOthers = async (
  { query }: Queries,
  { table, owner }: Claiming,
  held: readonly string[],
): Promise<void> => {
  await query(
    `UPDATE ${table.sql} SET claimed_by = NULL, claimed_until = NULL
     WHERE claimed_by = $1 AND settled_at IS NULL AND NOT id = ANY($2::bigint[])`,
    [owner, held],
  )
}

/** Deletes what was settled longer ago than it is kept, so many rows at most; answers how many. */
export const removeSettled = async (
  { query }: Queries,
  { table }: Claiming,
  { keepMs, max }: { readonly keepMs: number; readonly max: number },
): Promise<number> => {
  const { count } = await query(
    `DELETE FROM ${table.sql} WHERE id IN (
       SELECT id FROM ${table.sql} WHERE settled_at < now() - $1 * interval '1 millisecond'
       ORDER BY settled_at LIMIT $2 FOR UPDATE SKIP LOCKED)`,
    [keepMs, max],
  )
  return count
}

export const unsettled = async (
  { query }: Queries,
  table: OutboxTable,
): Promise<{ readonly records: number; readonly oldest: number | null }> => {
  const { rows } = await query<{ readonly records: number; readonly oldest: number | null }>(
    `SELECT count(*)::float8 AS records, (extract(epoch FROM min(created_at)) * 1000)::float8 AS oldest
     FROM ${table.sql} WHERE settled_at IS NULL`,
  )
  return rows[0] ?? { records: 0, oldest: null }
}
