/** Parking: one row for one record of one mapping, however often it comes. */
import type { DeadLetter, JointWrite } from '../../core/contract.ts'
import { decodeLetter } from '../envelope.ts'
import { mergeLetters } from '../merge.ts'
import { replaysBefore } from '../replayed.ts'
import type { LetterState } from '../store.ts'
import { forgetOne, knowSomething } from './attempts.ts'
import { countEnds, type Ends, failAgain, newEnds } from './ends.ts'
import { insertLetter, summaryColumns, withoutBody } from './insert.ts'
import { removeOld } from './removal.ts'
import type { Room } from './room.ts'
import { stopBehind } from './stopped.ts'
import { first, run, type Work } from './work.ts'

/** One transaction for all letters, and for `joint` when it is of the same database. */
export const parkLetters = async (
  room: Room,
  letters: readonly DeadLetter[],
  joint: JointWrite | undefined,
): Promise<'parked' | 'settled'> => {
  const { database } = room
  // Before the rows that name them, so that no letter is ever without its body.
  const files = letters.map(({ record }) => (record.body ? database.bodies.keep(record.body) : undefined))
  // Of a record that was parked before, the body is there already.
  const used = new Set<string>()
  let gone: readonly string[] = []
  try {
    return await database.write(function* () {
      const ends = newEnds()
      for (const [index, letter] of letters.entries()) {
        const file = files[index]
        if ((yield* parkOne(room, letter, file, ends)) === 'new' && file !== undefined) used.add(file)
      }
      yield* countEnds(room, ends)
      gone = yield* removeOld(room)
      return database.runJoint(joint) ? 'settled' : 'parked'
    })
  } catch (error) {
    used.clear()
    gone = []
    throw error
  } finally {
    database.bodies.remove([...gone, ...files.filter((file): file is string => file !== undefined && !used.has(file))])
  }
}

function* parkOne(room: Room, letter: DeadLetter, bodyFile: string | undefined, ends: Ends): Work<'new' | 'known'> {
  const { database, limits } = room
  const { mapping, record } = letter
  knowSomething(database, mapping, record.source)
  const row = yield* findRow(room, letter)
  if (row) yield* parkAgain(room, row, letter, ends)
  const replays = replaysBefore(record)
  const state: LetterState = replays >= limits().maxReplays ? 'quarantined' : 'open'
  const id = row ? row.id : yield* insertLetter(room, letter, { state, replays, bodyFile })
  yield* stopBehind(database, id, letter)
  yield* forgetOne(database, mapping, record.source, record.id)
  return row ? 'known' : 'new'
}

interface FoundRow {
  readonly id: string
  readonly state: LetterState
  readonly owner: string | null
  readonly job: string | null
  readonly mapping: string
  readonly source: string
  readonly envelope: string
}

const FIND = `SELECT dead_letters.id, state, owner, job, mapping, source, envelope FROM dead_letters
  JOIN dead_letter_texts ON dead_letter_texts.id = dead_letters.id`

/** The row of the letter that was replayed, or of the same record; weak ids tell nothing. */
function* findRow({ database }: Room, { mapping, record, replayOf }: DeadLetter): Work<FoundRow | undefined> {
  const replayed =
    replayOf === undefined ? undefined : yield* first<FoundRow>(`${FIND} WHERE dead_letters.id = $1`, replayOf)
  if (replayed || record.idStrength === 'weak') return replayed
  return yield* first<FoundRow>(
    `${FIND} WHERE mapping = $1 AND source = $2 AND parked_id = $3`,
    mapping,
    record.source,
    database.identity(record.id),
  )
}

/** A failed replay opens the letter again; any other second parking leaves a replay under way alone. */
function* parkAgain(room: Room, row: FoundRow, later: DeadLetter, ends: Ends): Work<void> {
  const letter = merged(row, later)
  yield* run('UPDATE dead_letter_texts SET envelope = $1 WHERE id = $2', withoutBody(letter), row.id)
  const columns = Object.entries(summaryColumns(letter, room.database))
  yield* run(
    `UPDATE dead_letters SET ${columns.map(([name], index) => `${name} = $${index + 1}`).join(', ')}
       WHERE id = $${columns.length + 1}`,
    ...columns.map(([, value]) => value),
    row.id,
  )
  const { error } = later
  if (later.replayOf === row.id && row.state === 'replaying' && row.owner === room.owner)
    yield* failAgain(room, row, `${error.name}: ${error.message}`, ends)
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
