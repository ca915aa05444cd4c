/** A new letter as rows. */
import type { DeadLetter, EventRecord } from '../../core/contract.ts'
import { encodeLetter } from '../envelope.ts'
import { fingerprint } from '../fingerprint.ts'
import { storedKey } from '../key.ts'
import { nextLetterId } from '../letter-id.ts'
import type { LetterState } from '../store.ts'
import { MESSAGE_CHARS } from './ends.ts'
import type { LetterDatabase, Room } from './room.ts'
import { first, run, type SqlValue, type Work } from './work.ts'

export interface NewLetter {
  readonly state: LetterState
  readonly replays: number
  readonly bodyFile: string | undefined
  /** Default: the next one. */
  readonly id?: string
  readonly note?: string
}

/** Answers the id of the new letter. */
export function* insertLetter(room: Room, letter: DeadLetter, given: NewLetter): Work<string> {
  const { database, clock } = room
  const { record } = letter
  const id = given.id ?? nextLetterId(yield* lastId(), letter.parkedAt)
  const columns = Object.entries({
    id,
    mapping: letter.mapping,
    source: record.source,
    record_id: database.storable(record.id),
    record_key: storable(storedKey(record.key), database),
    parked_id: parkedId(record, database),
    state: given.state,
    listed: given.state === 'resolved' || given.state === 'archived' ? 0 : 1,
    ...summaryColumns(letter, database),
    replays: given.replays,
    body_bytes: record.body?.byteLength ?? 0,
    body_file: given.bodyFile ?? null,
    record_time: Number.isFinite(record.time) ? Math.round(record.time) : letter.parkedAt,
    opened_at: clock.now(),
    first_parked_at: letter.parkedAt,
    note: given.note ?? null,
  } satisfies Record<string, SqlValue>)
  yield* run(
    `INSERT INTO dead_letters (${columns.map(([name]) => name).join(', ')})
       VALUES (${columns.map((_, index) => `$${index + 1}`).join(', ')})`,
    ...columns.map(([, value]) => value),
  )
  yield* run('INSERT INTO dead_letter_texts (id, envelope) VALUES ($1, $2)', id, withoutBody(letter))
  if (record.body && given.bodyFile === undefined)
    yield* run('INSERT INTO dead_letter_bodies (id, body) VALUES ($1, $2)', id, record.body)
  return id
}

function* lastId(): Work<string | undefined> {
  const row = yield* first<{ readonly id: string | null }>('SELECT max(id) AS id FROM dead_letters')
  return row?.id ?? undefined
}

/** What a later failure of the same record replaces. */
export const summaryColumns = (letter: DeadLetter, database: LetterDatabase) => ({
  function: letter.function.name,
  reason: letter.reason,
  error_name: database.storable(letter.error.name.slice(0, NAME_CHARS)),
  error_message: database.storable(letter.error.message.slice(0, MESSAGE_CHARS)),
  fingerprint: fingerprint(letter.error, letter.function.name),
  attempts: letter.attempts.length,
  first_seen: Math.round(letter.firstSeen),
  parked_at: letter.parkedAt,
})

const NAME_CHARS = 200

export const withoutBody = (letter: DeadLetter): string =>
  encodeLetter({ ...letter, record: { ...letter.record, body: null } })

const parkedId = (record: EventRecord, database: LetterDatabase): string | null =>
  record.idStrength === 'stable' ? database.identity(record.id) : null

const storable = (text: string | null, database: LetterDatabase): string | null =>
  text === null ? null : database.storable(text)
