/**
 * PostgreSQL as the store needs it: shared by processes on several machines. Writes take turns by a lock that belongs to
 * their transaction, as they do in SQLite, so that what is read in one holds until it is committed.
 */
import { createHash } from 'node:crypto'
import type { JointWrite } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Postgres, Queries } from '../../core/postgres.ts'
import { postgresError } from '../../core/postgres-failure.ts'
import type { BodyStore, LetterDatabase } from '../sql/room.ts'
import type { Work } from '../sql/work.ts'
import { SCHEMA, STEPS } from './schema.ts'

/** How soon what other processes do is noticed: each look is a query. */
const LOOK_MS = 1_000
/** Any number, as long as nobody else in this database locks the same one. */
const LOCK = 7_226_871_230_114
const TAKE_TURN = `SELECT pg_advisory_xact_lock(${LOCK})`

/** `open` is asked once, with the first need; what failed is tried again with the next. */
export const postgresDatabase = (open: () => Promise<Postgres>): LetterDatabase & { close(): Promise<void> } => {
  let opened: Promise<Postgres> | undefined
  let looks = 0
  const postgres = (): Promise<Postgres> => {
    opened ??= prepared(open)
    opened.catch(() => {
      opened = undefined
    })
    return opened
  }
  const write = async <T>(work: () => Work<T>): Promise<T> => {
    try {
      return await (await postgres()).transaction(async queries => {
        await queries.query(TAKE_TURN)
        return finish(queries, work)
      })
    } catch (error) {
      throw unavailable('writing dead letters', error)
    }
  }
  return {
    write,
    claim: write,
    async read(work) {
      try {
        return await finish(await postgres(), work)
      } catch (error) {
        throw unavailable('reading dead letters', error)
      }
    },
    // A source settles in its own database, never in this one.
    jointly: () => ({ database: NOWHERE, write: nowhere }) satisfies JointWrite,
    runJoint: () => false,
    texts: placeholder => `(SELECT jsonb_array_elements_text(${placeholder}::jsonb))`,
    storable,
    identity,
    restored,
    // Nobody tells: there may always be something new.
    version: () => {
      looks += 1
      return looks
    },
    lookMs: LOOK_MS,
    nothingKnown: { has: () => false, add: () => NOTHING, delete: () => false },
    bodies: IN_ROWS,
    async close() {
      await (await opened?.catch(() => undefined))?.close()
    },
  }
}

const NOTHING = new Set<string>()
const NOWHERE = {}
const nowhere = (): never => {
  throw new Error('a verdict on a replay in PostgreSQL is never half of a transaction')
}

/** Other machines do not see files of this one. */
const IN_ROWS: BodyStore = {
  keep: () => undefined,
  read: nowhere,
  remove: () => {},
}

/** One statement after the other. */
const finish = async <T>({ query }: Queries, work: () => Work<T>): Promise<T> => {
  const running = work()
  let step = running.next()
  while (!step.done) {
    const { rows, count } = await query(step.value.text, step.value.values)
    step = running.next({ rows, changes: count })
  }
  return step.value
}

/** Makes or upgrades the tables; processes that start at once take turns. */
const prepared = async (open: () => Promise<Postgres>): Promise<Postgres> => {
  const postgres = await open()
  try {
    await postgres.transaction(async ({ query }) => {
      await query(TAKE_TURN)
      await query(`CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`)
      await query('CREATE TABLE IF NOT EXISTS rooms (name text PRIMARY KEY, step integer NOT NULL)')
      const { rows } = await query<{ readonly step: number }>("SELECT step FROM rooms WHERE name = 'dead-letters'")
      const done = rows[0]?.step ?? 0
      for (const step of STEPS.slice(done)) await query(step)
      await query(
        `INSERT INTO rooms (name, step) VALUES ('dead-letters', $1)
           ON CONFLICT (name) DO UPDATE SET step = greatest(rooms.step, excluded.step)`,
        [STEPS.length],
      )
    })
    return postgres
  } catch (error) {
    await postgres.close()
    throw error
  }
}

/** What connections of the store are told first. */
export const SESSION = `SET search_path TO ${SCHEMA}`

const unavailable = (doing: string, error: unknown): MillraceError =>
  error instanceof MillraceError ? error : postgresError('STATE_UNAVAILABLE', doing, error)

/** PostgreSQL has no text with a NUL in it: such a text is kept as JSON, and so is one that looks like it. */
const storable = (text: string): string => {
  const wellFormed = text.toWellFormed()
  return wellFormed.includes('\u0000') || wellFormed.startsWith(AS_JSON)
    ? AS_JSON + JSON.stringify(wellFormed)
    : wellFormed
}

/** An entry of an index has at most 2,700 bytes, with mapping and source. */
const LONGEST_ID = 500

const identity = (recordId: string): string =>
  recordId.length <= LONGEST_ID
    ? storable(recordId)
    : `sha256:${createHash('sha256').update(JSON.stringify(recordId)).digest('hex')}`

const restored = (text: string): string => (text.startsWith(AS_JSON) ? JSON.parse(text.slice(AS_JSON.length)) : text)

const AS_JSON = 'json:'
