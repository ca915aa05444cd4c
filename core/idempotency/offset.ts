/**
 * For records of Kafka, which come in the order of their partition: how far a consumer is stands in its own database, and
 * moves in the transaction of the effects. One row for each partition instead of one for each record.
 */
import type { DatabaseSync } from 'node:sqlite'
import { MillraceError } from '../errors.ts'
import type { PgClient, PgPool } from '../postgres.ts'
import { shownKey } from './key.ts'
import { checkName } from './policy.ts'
import { transact } from './transaction-postgres.ts'
import { endedInside, isPool } from './transaction-problems.ts'
import { mustBeOpen, prepare, transactSync } from './transaction-sqlite.ts'

/** Of a record read from Kafka with `order: 'lane'`. */
export interface PositionedRecord {
  readonly time: number
  readonly position?: Readonly<Record<string, string | number>>
}

export interface OffsetOptions {
  /** Whose position it is: two consumers of a topic have two. */
  readonly name: string
}

/** `repeated`: it was processed before, and `fn` did not run. */
export type Offset<Result> = { readonly kind: 'processed'; readonly result: Result } | { readonly kind: 'repeated' }

interface WithOffset {
  <Result>(
    db: PgPool,
    record: PositionedRecord,
    fn: (client: PgClient) => Promise<Result> | Result,
    options: OffsetOptions,
  ): Promise<Offset<Result>>
  <Result>(
    db: DatabaseSync,
    record: PositionedRecord,
    fn: (db: DatabaseSync) => Result,
    options: OffsetOptions,
  ): Result extends PromiseLike<unknown> ? never : Promise<Offset<Result>>
}

interface At {
  readonly consumer: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly time: number
}

interface Row {
  readonly next: number
  readonly latest: number
}

const FIND = 'SELECT next, latest FROM millrace_offsets WHERE consumer = $1 AND topic = $2 AND partition = $3'
const LOCK = `${FIND.replace(' FROM', ', txid_current()::text AS tx FROM')} FOR UPDATE`
const FIRST =
  'INSERT INTO millrace_offsets (consumer, topic, partition, next, latest) VALUES ($1, $2, $3, 0, 0) ON CONFLICT DO NOTHING'
const MOVE = `UPDATE millrace_offsets SET next = $4, latest = $5 WHERE consumer = $1 AND topic = $2 AND partition = $3`

/**
 * Runs `fn` unless the record's offset was passed before, in one transaction with the move. Needs `order: 'lane'`: what
 * is behind a record must not be processed before it. A record that was parked is passed once one behind it was processed:
 * with `onDeadLetter: 'stop'` none is.
 *
 * Rejects with IDEMPOTENCY_PAYLOAD_DIFFERS where an offset that was passed comes with a time that none had before: then the
 * topic was deleted and made anew, and its records would all be taken for repeated.
 */
export const withOffset = (async (
  db: PgPool | DatabaseSync,
  record: PositionedRecord,
  fn: ((client: PgClient) => unknown) | ((db: DatabaseSync) => unknown),
  options: OffsetOptions,
) => {
  const { name } = { ...options }
  checkName('withOffset', name)
  const at = placeOf(record, name)
  return isPool('withOffset', db)
    ? transact(db, (client, begins) => {
        const run = (inside: PgClient): unknown => {
          begins()
          return (fn as (client: PgClient) => unknown)(inside)
        }
        return movePostgres(client, at, run)
      })
    : transactSync(db, () => moveSqlite(db, at, fn as (db: DatabaseSync) => unknown))
}) as WithOffset

const movePostgres = async (client: PgClient, at: At, fn: (client: PgClient) => unknown): Promise<Offset<never>> => {
  const where = [at.consumer, at.topic, at.partition]
  await client.query(FIRST, where)
  // Whoever else is at this partition waits here.
  const { rows } = await client.query(LOCK, where)
  const [row] = rows as { next: string; latest: string; tx: string }[]
  const before = { next: Number(row?.next), latest: Number(row?.latest) }
  if (wasPassed(before, at)) return { kind: 'repeated' }
  const result = (await fn(client)) as never
  const moved = [...where, at.offset + 1, Math.max(before.latest, at.time), row?.tx]
  if ((await client.query(`${MOVE} AND txid_current()::text = $6`, moved)).rowCount !== 1)
    throw endedInside('withOffset')
  return { kind: 'processed', result }
}

const moveSqlite = (db: DatabaseSync, at: At, fn: (db: DatabaseSync) => unknown): Offset<never> => {
  const where = [at.consumer, at.topic, at.partition] as const
  prepare(db, numbered(FIRST)).run(...where)
  const before = prepare(db, numbered(FIND)).get(...where) as unknown as Row
  if (wasPassed(before, at)) return { kind: 'repeated' }
  const result = fn(db) as PromiseLike<never>
  if (typeof result === 'object' && result !== null && typeof result.then === 'function')
    throw new TypeError('withOffset: with node:sqlite the function must not be async; nothing was kept')
  mustBeOpen(db, 'withOffset')
  const moved = prepare(db, numbered(MOVE)).run(...where, at.offset + 1, Math.max(before.latest, at.time))
  if (moved.changes !== 1) throw endedInside('withOffset')
  return { kind: 'processed', result: result as never }
}

/** To SQLite `$1` is a name. */
const numbered = (sql: string): string => sql.replaceAll('$', '?')

/** Pure but for what it throws. */
const wasPassed = ({ next, latest }: Row, { consumer, topic, partition, offset, time }: At): boolean => {
  if (offset >= next) return false
  if (time <= latest) return true
  throw new MillraceError(
    'IDEMPOTENCY_PAYLOAD_DIFFERS',
    `${consumer}: ${topic}/${partition} was read up to offset ${next}, but offset ${offset} is of a later time than all before: the topic was made anew. Delete its rows from millrace_offsets, or give the consumer another name`,
  )
}

const placeOf = ({ position, time }: PositionedRecord, name: string): At => {
  const { topic, partition, offset } = position ?? {}
  const isCount = (value: unknown): boolean => /^\d+$/.test(String(value)) && Number.isSafeInteger(Number(value))
  if (typeof topic !== 'string' || !isCount(partition) || !isCount(offset) || !Number.isFinite(time))
    throw new TypeError(
      `withOffset: the record must have a time, and a position of topic, partition and offset, as records of Kafka have, got ${shownKey({ time, position })}`,
    )
  return { consumer: name, topic, partition: Number(partition), offset: Number(offset), time }
}
