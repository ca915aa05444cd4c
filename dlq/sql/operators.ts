/** What people do to letters, and what is written down of it. */
import { typedLetterId } from '../letter-id.ts'
import type { Changed, LetterFilter, LetterState, Operator, OperatorStore, Selection } from '../store.ts'
import { auditOf, enterAudit } from './audit.ts'
import { counts, groups, page } from './find.ts'
import { job, jobs, startReplay, steer } from './jobs.ts'
import { historyOf, readLetter } from './letter.ts'
import { freeze, planOf } from './plan.ts'
import { dropFiles, removeLetters } from './removal.ts'
import type { Room } from './room.ts'
import { type LetterRow, SUMMARY_COLUMNS, summaryOf } from './rows.ts'
import { walk } from './scan.ts'
import { editLetter, takeLetter } from './successors.ts'
import { all, first, run, type Work } from './work.ts'

export const operatorsOf = (room: Room): OperatorStore => {
  const { database } = room
  return {
    page: filter => database.read(() => page(room, filter)),
    groups: request => database.read(() => groups(room, request)),
    counts: () => database.read(counts),
    get: typed =>
      database.read(function* () {
        const id = typedLetterId(typed)
        const row = yield* first<LetterRow>(`SELECT ${SUMMARY_COLUMNS} FROM dead_letters WHERE id = $1`, id)
        const letter = row && (yield* readLetter(room, id))
        return row && letter && { summary: summaryOf(row, database), letter, history: yield* historyOf(room, id) }
      }),
    note: (typed, note, by) =>
      database.write(function* () {
        const id = typedLetterId(typed)
        const text = note === '' ? null : database.storable(note)
        const changed = yield* run('UPDATE dead_letters SET note = $1 WHERE id = $2', text, id)
        if (changed > 0) yield* enterAudit(room, by, 'note', id, note)
        return changed > 0
      }),
    archive: (selection, by) => change(room, ARCHIVE, selection, by),
    restore: (selection, by) => change(room, RESTORE, selection, by),
    purge: (selection, by) => change(room, PURGE, selection, by),
    take: (stored, by) => takeLetter(room, stored, by),
    edit: (id, edited, by) => editLetter(room, id, edited, by),
    audit: subject => database.read(() => auditOf(room, subject)),
    plan: async request => {
      const { ids: _, refused: __, ...plan } = await planOf(room, request, await database.read(() => freeze(room)))
      return plan
    },
    startReplay: (request, by) => startReplay(room, request, by),
    jobs: (filter = {}) => database.read(() => jobs(room, filter)),
    job: typed => database.read(() => job(room, typedJobId(typed))),
    steer: (typed, to, by) => steer(room, typedJobId(typed), to, by),
  }
}

/** The job of an upgrade has a name. */
const typedJobId = (typed: string): string => (typed === 'before' ? typed : typedLetterId(typed))

/** Something that is done to many letters, slice by slice. */
interface Change {
  readonly action: string
  /** In which states it can be done. */
  readonly from: readonly LetterState[]
  /** Of which letters when a filter does not say so. */
  readonly otherwise: Pick<LetterFilter, 'state'>
  /** To letters of these ids, as a JSON list; answers files of bodies that nobody needs any more. */
  readonly apply: (room: Room, ids: string) => Work<readonly string[]>
}

const ARCHIVE: Change = {
  action: 'archive',
  from: ['open', 'quarantined'],
  otherwise: {},
  apply: function* ({ clock, database }, ids) {
    yield* run(
      `UPDATE dead_letters SET state = 'archived', listed = 0, archived_at = $1 WHERE id IN ${database.texts('$2')}`,
      clock.now(),
      ids,
    )
    return []
  },
}

const RESTORE: Change = {
  action: 'restore',
  from: ['archived', 'quarantined'],
  otherwise: { state: 'archived' },
  apply: function* ({ clock, database }, ids) {
    yield* run(
      `UPDATE dead_letters SET state = 'open', listed = 1, archived_at = NULL, opened_at = $1, replays = 0
         WHERE id IN ${database.texts('$2')}`,
      clock.now(),
      ids,
    )
    return []
  },
}

const PURGE: Change = {
  action: 'purge',
  from: ['open', 'resolved', 'archived', 'quarantined'],
  otherwise: {},
  apply: ({ database }, ids) => removeLetters(`id IN ${database.texts('$1')}`, ids),
}

const SLICE = 1_000

const change = async (room: Room, { from, ...what }: Change, selection: Selection, by: Operator): Promise<Changed> => {
  const ids = 'ids' in selection ? [...new Set(selection.ids.map(typedLetterId))] : undefined
  const refused: { id: string; reason: string }[] = []
  let changed = 0
  let after: string | undefined
  const { mark } = await room.database.read(() => freeze(room))
  do {
    const slice = ids ? ids.splice(0, SLICE) : undefined
    const { files, states, next } = await room.database.write(function* () {
      const found = slice
        ? { rows: yield* statesOf(room, slice), next: undefined }
        : yield* walk<StateRow>(room, {
            filter: { ...what.otherwise, ...('filter' in selection ? selection.filter : {}) },
            direction: 'oldest first',
            limit: SLICE,
            columns: 'id, state',
            to: mark,
            ...(after === undefined ? {} : { after }),
          })
      const able = found.rows.filter(({ state }) => from.includes(state)).map(({ id }) => id)
      const gone = able.length === 0 ? [] : yield* what.apply(room, JSON.stringify(able))
      changed += able.length
      return { files: gone, states: found.rows, next: found.next }
    })
    await dropFiles(room, files)
    const known = new Map(states.map(({ id, state }) => [id, state] as const))
    for (const id of slice ?? []) {
      const state = known.get(id)
      if (state === undefined || !from.includes(state)) refused.push({ id, reason: state ?? 'unknown' })
    }
    after = next
  } while (after !== undefined || (ids && ids.length > 0))
  if (changed > 0)
    await room.database.write(() => enterAudit(room, by, what.action, subjectOf(selection), `${changed} letters`))
  return { changed, refused }
}

const subjectOf = (selection: Selection): string =>
  'ids' in selection && selection.ids.length === 1 ? typedLetterId(selection.ids[0] ?? '') : JSON.stringify(selection)

interface StateRow {
  readonly id: string
  readonly state: LetterState
}

const statesOf = ({ database }: Room, ids: readonly string[]): Work<readonly StateRow[]> =>
  all<StateRow>(`SELECT id, state FROM dead_letters WHERE id IN ${database.texts('$1')}`, JSON.stringify(ids))
