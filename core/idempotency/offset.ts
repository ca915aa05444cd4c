/**
 * For records of Kafka, which come in the order of their partition: how far a consumer is stands in its own database, and
 * moves in the transaction of the effects. One row for each partition instead of one for each record.
 */
import type { DatabaseSync } from 'node:sqlite'
import { MillraceError } from '../errors.ts'
import { isPool } from './transaction.ts'
import { type PgClient, type PgPool, transact } from './transaction-postgres.ts'
import { transactSync } from './transaction-sqlite.ts'

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
const FIRST =
  'INSERT INTO millrace_offsets (consumer, topic, partition, next, latest) VALUES ($1, $2, $3, 0, 0) ON CONFLICT DO NOTHING'
const MOVE = `UPDATE millrace_offsets SET next = $4, latest = $5 WHERE consumer = $1 AND topic = $2 AND partition = $3`

/**
 * Runs `fn` unless the record's offset was passed before, in one transaction with the move. Needs `order: 'lane'`: what
 * is behind a record must not be processed before it.
 *
 * Rejects with IDEMPOTENCY_PAYLOAD_DIFFERS where an offset that was passed comes with a time that none had before: then the
 * topic was deleted and made anew, and its records would all be taken for repeated.
 */
export const withOffset = (async (
  db: PgPool | DatabaseSync,
  record: PositionedRecord,
  fn: ((client: PgClient) => unknown) | ((db: DatabaseSync) => unknown),
  { name }: OffsetOptions,
) => {
  const at = placeOf(record, name)
  return isPool(db)
    ? transact(db, client => movePostgres(client, at, fn as (client: PgClient) => unknown))
    : transactSync(db, () => moveSqlite(db, at, fn as (db: DatabaseSync) => unknown))
}) as WithOffset

const movePostgres = async (client: PgClient, at: At, fn: (client: PgClient) => unknown): Promise<Offset<never>> => {
  const where = [at.consumer, at.topic, at.partition]
  await client.query(FIRST, where)
  // Whoever else is at this partition waits here.
  const { rows } = await client.query(`${FIND} FOR UPDATE`, where)
  const [row] = rows as { next: string; latest: string }[]
  const before = { next: Number(row?.next), latest: Number(row?.latest) }
  if (wasPassed(before, at)) return { kind: 'repeated' }
  const result = (await fn(client)) as never
  await client.query(MOVE, [...where, at.offset + 1, Math.max(before.latest, at.time)])
  return { kind: 'processed', result }
}

const moveSqlite = (db: DatabaseSync, at: At, fn: (db: DatabaseSync) => unknown): Offset<never> => {
  const where = [at.consumer, at.topic, at.partition] as const
  db.prepare(numbered(FIRST)).run(...where)
  const before = db.prepare(numbered(FIND)).get(...where) as unknown as Row
  if (wasPassed(before, at)) return { kind: 'repeated' }
  const result = fn(db) as PromiseLike<never>
  if (typeof result === 'object' && result !== null && typeof result.then === 'function')
    throw new TypeError('withOffset: with node:sqlite the function must not be async; nothing was kept')
  db.prepare(numbered(MOVE)).run(...where, at.offset + 1, Math.max(before.latest, at.time))
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
  const numbers = [Number(partition), Number(offset)] as const
  if (typeof topic !== 'string' || !numbers.every(Number.isSafeInteger))
    throw new TypeError(
      `withOffset: the record must have a position of topic, partition and offset, as records of Kafka have, got ${JSON.stringify(position)}`,
    )
  return { consumer: name, topic, partition: numbers[0], offset: numbers[1], time }
}
