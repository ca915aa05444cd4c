/** One letter, read as a whole. */
import type { DeadLetter, EventRecord } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import { decodeLetter } from '../envelope.ts'
import type { LetterReplay } from '../store.ts'
import type { Room } from './room.ts'
import { all, first, type Work } from './work.ts'

interface TextRow {
  readonly envelope: string
  readonly body: Uint8Array | null
  readonly body_file: string | null
}

const READ = `SELECT envelope, body, body_file FROM dead_letters
  JOIN dead_letter_texts ON dead_letter_texts.id = dead_letters.id
  LEFT JOIN dead_letter_bodies ON dead_letter_bodies.id = dead_letters.id WHERE dead_letters.id = $1`

/** Throws DEAD_LETTER_UNREADABLE; undefined when there is no such letter. */
export function* readLetter({ database }: Room, id: string): Work<DeadLetter | undefined> {
  const row = yield* first<TextRow>(READ, id)
  if (!row) return undefined
  const letter = decodeLetter(row.envelope)
  const body = row.body_file === null ? plainBytes(row.body) : database.bodies.read(row.body_file)
  return { ...letter, record: { ...letter.record, body } }
}

/** Postgres hands out Buffers. */
const plainBytes = (body: Uint8Array | null): Uint8Array | null =>
  body === null ? null : new Uint8Array(body.buffer, body.byteOffset, body.byteLength)

/** Undefined for a letter that cannot be read, or is gone. */
export function* readRecord(room: Room, id: string): Work<EventRecord | undefined> {
  const letter = yield* readable(room, id)
  return letter instanceof MillraceError ? undefined : letter?.record
}

/** The letter, or the error that says why it cannot be read. */
export function* readable(room: Room, id: string): Work<DeadLetter | MillraceError | undefined> {
  try {
    return yield* readLetter(room, id)
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'DEAD_LETTER_UNREADABLE') return error
    throw error
  }
}

export function* historyOf({ database }: Room, id: string): Work<readonly LetterReplay[]> {
  const rows = yield* all<HistoryRow>(
    `SELECT letter_replays.job, at, outcome, message, operator, replay_jobs.reason FROM letter_replays
       LEFT JOIN replay_jobs ON replay_jobs.id = letter_replays.job WHERE letter = $1 ORDER BY at, letter_replays.job`,
    id,
  )
  return rows.map(({ message, operator, reason, ...row }) => ({
    ...row,
    operator: database.restored(operator ?? ''),
    reason: database.restored(reason ?? ''),
    ...(message === null ? {} : { message: database.restored(message) }),
  }))
}

interface HistoryRow {
  readonly job: string
  readonly at: number
  readonly outcome: LetterReplay['outcome']
  readonly message: string | null
  readonly operator: string | null
  readonly reason: string | null
}
