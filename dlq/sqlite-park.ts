/** Parking: one row for one record of one mapping, however often it comes. */
import type { DeadLetter, EventRecord, JointWrite } from '../core/contract.ts'
import type { Database } from '../core/database.ts'
import { decodeLetter, encodeLetter } from './envelope.ts'
import { fingerprint } from './fingerprint.ts'
import { nextLetterId } from './letter-id.ts'
import { mergeLetters } from './merge.ts'
import { forgetOne } from './sqlite-attempts.ts'
import { knowSomething, type Room } from './sqlite-room.ts'
import { OPEN_AGAIN, storedId } from './sqlite-schema.ts'
import { stopBehind } from './sqlite-stopped.ts'
import type { LetterState } from './store.ts'

const MESSAGE_CHARS = 500

/** One transaction for all letters, and for `joint` when it is of the same database. */
export const parkLetters = (
  room: Room,
  letters: readonly DeadLetter[],
  joint: JointWrite | undefined,
): Promise<'parked' | 'settled'> =>
  room.database.write(() => {
    for (const letter of letters) parkOne(room, letter)
    return runJoint(room.database, joint)
  })

const runJoint = (database: Database, joint: JointWrite | undefined): 'parked' | 'settled' => {
  if (joint?.database !== database) return 'parked'
  joint.write()
  return 'settled'
}

const parkOne = (room: Room, letter: DeadLetter): void => {
  const { mapping, record } = letter
  knowSomething(room, mapping, record.source)
  const row = findRow(room.database, letter)
  if (row) parkAgain(room, row, letter)
  stopBehind(room, row ? row.id : insert(room.database, letter), letter)
  forgetOne(room.database, mapping, record.source, record.id)
}

interface FoundRow {
  readonly id: string
  readonly state: LetterState
  readonly owner: string | null
  readonly envelope: string
}

const FIND = `SELECT id, state, owner, envelope FROM dead_letters JOIN dead_letter_texts USING (id)`

/** The row of the letter that was replayed, or of the same record; weak ids tell nothing. */
const findRow = (database: Database, { mapping, record, replayOf }: DeadLetter): FoundRow | undefined => {
  const replayed = replayOf === undefined ? undefined : database.sql(`${FIND} WHERE id = ?`).get(replayOf)
  return (replayed ??
    database
      .sql(`${FIND} WHERE mapping = ? AND source = ? AND parked_id = ?`)
      .get(mapping, record.source, parkedId(record))) as FoundRow | undefined
}

/** A failed replay opens the letter again; any other second parking leaves a replay under way alone. */
const parkAgain = ({ database, owner }: Room, row: FoundRow, later: DeadLetter): void => {
  const letter = merged(row, later)
  database.sql('UPDATE dead_letter_texts SET envelope = ? WHERE id = ?').run(encodeWithoutBody(letter), row.id)
  const summary = summaryColumns(letter)
  database
    .sql(
      `UPDATE dead_letters SET function = $function, reason = $reason, error_name = $error_name,
         error_message = $error_message, fingerprint = $fingerprint, attempts = $attempts, first_seen = $first_seen,
         parked_at = $parked_at WHERE id = $id`,
    )
    .run({ ...summary, id: row.id })
  if (later.replayOf === row.id && row.state === 'replaying' && row.owner === owner)
    database.sql(`UPDATE dead_letters SET ${OPEN_AGAIN} WHERE id = ?`).run(row.id)
}

/** What cannot be read any more is replaced: a record must not stay unparked because of an older letter. */
const merged = (row: FoundRow, later: DeadLetter): DeadLetter => {
  const earlier = readable(row.envelope)
  return earlier ? mergeLetters(earlier, later) : later
}

const readable = (envelope: string): DeadLetter | undefined => {
  try {
    return decodeLetter(envelope)
  } catch {
    return undefined
  }
}

/** Answers the id of the new letter. */
const insert = (database: Database, letter: DeadLetter): string => {
  const { record } = letter
  const last = database.sql('SELECT max(id) AS id FROM dead_letters').get() as { readonly id: string | null }
  const id = nextLetterId(last.id ?? undefined, letter.parkedAt)
  database
    .sql(
      `INSERT INTO dead_letters (id, mapping, source, record_id, parked_id, state, function, reason, error_name,
         error_message, fingerprint, attempts, body_bytes, record_time, first_seen, parked_at)
       VALUES ($id, $mapping, $source, $record_id, $parked_id, 'open', $function, $reason, $error_name,
         $error_message, $fingerprint, $attempts, $body_bytes, $record_time, $first_seen, $parked_at)`,
    )
    .run({
      ...summaryColumns(letter),
      id,
      mapping: letter.mapping,
      source: record.source,
      record_id: record.id,
      parked_id: parkedId(record),
      body_bytes: record.body?.byteLength ?? 0,
      record_time: Number.isFinite(record.time) ? record.time : letter.parkedAt,
    })
  database.sql('INSERT INTO dead_letter_texts VALUES (?, ?)').run(id, encodeWithoutBody(letter))
  if (record.body) database.sql('INSERT INTO dead_letter_bodies VALUES (?, ?)').run(id, record.body)
  return id
}

const summaryColumns = (letter: DeadLetter) => ({
  function: letter.function.name,
  reason: letter.reason,
  error_name: letter.error.name,
  error_message: letter.error.message.slice(0, MESSAGE_CHARS),
  fingerprint: fingerprint(letter.error, letter.function.name),
  attempts: letter.attempts.length,
  first_seen: letter.firstSeen,
  parked_at: letter.parkedAt,
})

const encodeWithoutBody = (letter: DeadLetter): string =>
  encodeLetter({ ...letter, record: { ...letter.record, body: null } })

const parkedId = (record: EventRecord): string | null => (record.idStrength === 'stable' ? storedId(record.id) : null)
