/** What people ask of the SQLite store. */
import type { DeadLetter } from '../core/contract.ts'
import { decodeLetter } from './envelope.ts'
import { typedLetterId } from './letter-id.ts'
import { type Room, read, rows, wakeWatchers } from './sqlite-room.ts'
import { type LetterRow, SUMMARY_COLUMNS, summaryOf } from './sqlite-schema.ts'
import type {
  LetterCount,
  LetterState,
  ListFilter,
  OperatorStore,
  RefusedReplay,
  ReplayAnswer,
  ReplaySelection,
} from './store.ts'

export const operatorsOf = (room: Room): OperatorStore => ({
  list: filter => read(room, () => list(room, filter)),

  get: typed =>
    read(room, () => {
      const id = typedLetterId(typed)
      const row = room.database.sql(`SELECT ${SUMMARY_COLUMNS} FROM dead_letters WHERE id = ?`).get(id)
      return row ? { summary: summaryOf(row as unknown as LetterRow), letter: readLetter(room, id) } : undefined
    }),

  async requestReplay(selection) {
    const answer = await room.database.write(() => request(room, selection))
    if (answer.requested > 0) wakeWatchers(room)
    return answer
  },

  counts: () =>
    read(room, () =>
      rows<LetterCount>(
        room.database
          .sql('SELECT mapping, state, letters FROM dead_letter_counts WHERE letters > 0 ORDER BY mapping, state')
          .all(),
      ).map(row => ({ ...row })),
    ),

  pendingReplays: () =>
    read(room, () => {
      const now = room.clock.now()
      return rows<PendingRow>(room.database.sql(PENDING).all(now)).map(({ since, ...row }) => ({
        ...row,
        waitedMs: now - since,
      }))
    }),
})

interface PendingRow {
  readonly mapping: string
  readonly source: string
  readonly letters: number
  readonly since: number
}

const PENDING = `SELECT mapping, source, count(*) AS letters, min(due_at) AS since FROM dead_letters
  WHERE due_at <= ? GROUP BY mapping, source`

/** Throws DEAD_LETTER_UNREADABLE, or STATE_UNAVAILABLE through `read`. The letter must be there. */
export const readLetter = ({ database }: Room, id: string): DeadLetter => {
  const { envelope, body } = database
    .sql(
      `SELECT envelope, body FROM dead_letter_texts LEFT JOIN dead_letter_bodies USING (id)
       WHERE dead_letter_texts.id = ?`,
    )
    .get(id) as unknown as { readonly envelope: string; readonly body: Uint8Array | null }
  const letter = decodeLetter(envelope)
  return { ...letter, record: { ...letter.record, body } }
}

const list = ({ database }: Room, { mapping, state, limit, before }: ListFilter) => {
  const conditions = [
    state === undefined ? "state <> 'resolved'" : 'state = $state',
    ...(mapping === undefined ? [] : ['mapping = $mapping']),
    ...(before === undefined ? [] : ['id < $before']),
  ]
  const values = {
    limit,
    ...(state === undefined ? {} : { state }),
    ...(mapping === undefined ? {} : { mapping }),
    ...(before === undefined ? {} : { before: typedLetterId(before) }),
  }
  const query = `SELECT ${SUMMARY_COLUMNS} FROM dead_letters WHERE ${conditions.join(' AND ')}
    ORDER BY id DESC LIMIT $limit`
  return rows<LetterRow>(database.sql(query).all(values)).map(summaryOf)
}

const REQUEST = `UPDATE dead_letters SET state = 'requested', requested_at = $now, due_at = $now, claims = 0,
  replay_attempts = 0 WHERE state = 'open'`

const request = (room: Room, selection: ReplaySelection): ReplayAnswer =>
  'ids' in selection ? requestIds(room, selection.ids) : requestAll(room, selection.mapping)

const requestAll = ({ database, clock }: Room, mapping: string | undefined): ReplayAnswer => {
  const now = clock.now()
  const { changes } =
    mapping === undefined
      ? database.sql(REQUEST).run({ now })
      : database.sql(`${REQUEST} AND mapping = $mapping`).run({ now, mapping })
  return { requested: Number(changes), refused: [] }
}

const REFUSALS: Record<Exclude<LetterState, 'open'>, RefusedReplay['reason']> = {
  requested: 'already requested',
  replaying: 'being replayed',
  resolved: 'resolved',
}

const requestIds = ({ database, clock }: Room, typed: readonly string[]): ReplayAnswer => {
  const now = clock.now()
  const refused: RefusedReplay[] = []
  const ids = [...new Set(typed.map(typedLetterId))]
  for (const id of ids) {
    const row = database.sql('SELECT state FROM dead_letters WHERE id = ?').get(id) as
      | { readonly state: LetterState }
      | undefined
    if (row?.state === 'open') database.sql(`${REQUEST} AND id = $id`).run({ now, id })
    else refused.push({ id, reason: row ? REFUSALS[row.state] : 'unknown' })
  }
  return { requested: ids.length - refused.length, refused }
}
