/** Letters that do not come from the flow: taken in from an export, or edited by somebody. */
import type { DeadLetter } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import { typedLetterId } from '../letter-id.ts'
import type { ExportedLetter, Operator } from '../store.ts'
import { knowSomething } from './attempts.ts'
import { enterAudit } from './audit.ts'
import { enterReplay } from './ends.ts'
import { insertLetter } from './insert.ts'
import { dropFiles } from './removal.ts'
import type { Room } from './room.ts'
import { first, run } from './work.ts'

/** One that was resolved or replayed elsewhere is open here; one that was set aside stays so. */
export const takeLetter = async (room: Room, stored: ExportedLetter, by: Operator): Promise<boolean> => {
  const { letter, replays, note } = stored
  const id = typedLetterId(stored.id)
  const state = stored.state === 'archived' || stored.state === 'quarantined' ? stored.state : 'open'
  const bodyFile = keepBody(room, letter)
  const taken = await room.database
    .write(function* () {
      if (yield* first('SELECT 1 AS found FROM dead_letters WHERE id = $1', id)) return false
      const same = yield* first<{ readonly id: string }>(
        'SELECT id FROM dead_letters WHERE mapping = $1 AND source = $2 AND parked_id = $3',
        letter.mapping,
        letter.record.source,
        room.database.identity(letter.record.id),
      )
      if (same)
        throw new MillraceError(
          'DEAD_LETTER_REFUSED',
          `its record is the dead letter ${same.id} here already; replay or purge that one first`,
        )
      knowSomething(room.database, letter.mapping, letter.record.source)
      yield* insertLetter(room, letter, { id, state, replays, bodyFile, ...(note === undefined ? {} : { note }) })
      if (state === 'archived')
        yield* run('UPDATE dead_letters SET archived_at = $1 WHERE id = $2', room.clock.now(), id)
      yield* enterAudit(room, by, 'import', id, '')
      return true
    })
    .catch(async error => {
      await forgetBody(room, bodyFile)
      throw error
    })
  if (!taken) await forgetBody(room, bodyFile)
  return taken
}

export const editLetter = async (
  room: Room,
  typed: string,
  edited: DeadLetter,
  by: Operator,
): Promise<string | undefined> => {
  const id = typedLetterId(typed)
  const bodyFile = keepBody(room, edited)
  const successor = await room.database.write(function* () {
    const row = yield* first<{ readonly replays: number }>(
      "SELECT replays FROM dead_letters WHERE id = $1 AND state IN ('open', 'quarantined')",
      id,
    )
    if (!row) return undefined
    yield* run(
      "UPDATE dead_letters SET state = 'resolved', listed = 0, resolved_at = $1, parked_id = NULL WHERE id = $2",
      room.clock.now(),
      id,
    )
    const created = yield* insertLetter(room, { ...edited, editOf: id }, { state: 'open', replays: 0, bodyFile })
    yield* enterReplay(room, { id, job: '' }, 'resolved', `edited: ${created} took its place`)
    yield* enterAudit(room, by, 'edit', id, created)
    return created
  })
  if (successor === undefined) await forgetBody(room, bodyFile)
  return successor
}

const keepBody = ({ database }: Room, { record }: DeadLetter): string | undefined =>
  record.body ? database.bodies.keep(record.body) : undefined

const forgetBody = async (room: Room, bodyFile: string | undefined): Promise<void> => {
  if (bodyFile !== undefined) await dropFiles(room, [bodyFile])
}
