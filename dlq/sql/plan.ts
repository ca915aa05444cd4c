/** What a replay selects, counted slice by slice so that nobody waits for it. */
import { looksInside } from '../content.ts'
import { typedLetterId } from '../letter-id.ts'
import type { Ineligible, JobRequest, PlannedReplay, RefusedReplay } from '../replay-store.ts'
import type { LetterFilter, LetterState } from '../store.ts'
import { allOf } from './conditions.ts'
import { groupConditions } from './find.ts'
import type { Room } from './room.ts'
import { walk } from './scan.ts'
import { all, first, newValues, type Work } from './work.ts'

/** The moment of a selection. */
export interface Frozen {
  readonly at: number
  readonly mark: string
}

export function* freeze({ clock }: Room): Work<Frozen> {
  const last = yield* first<{ readonly id: string | null }>('SELECT max(id) AS id FROM dead_letters')
  return { at: clock.now(), mark: last?.id ?? '' }
}

export interface Plan extends PlannedReplay {
  /** Those named that can be replayed. */
  readonly ids?: readonly string[]
  readonly refused?: readonly RefusedReplay[]
}

export const planOf = async (room: Room, request: JobRequest, frozen: Frozen): Promise<Plan> => {
  const { selection } = request
  if ('ids' in selection) return planIds(room, selection.ids)
  const tally = newTally()
  const counted = countedByGroups(selection.filter)
    ? await room.database.read(() => groupRows(selection.filter))
    : undefined
  if (counted) for (const row of counted) tally.add(row, Number(row.letters))
  else await walkAll(room, selection.filter, frozen, row => tally.add(row, 1))
  return tally.plan()
}

const INELIGIBLE: Readonly<Record<Exclude<LetterState, 'open'>, Ineligible>> = {
  replaying: 'being replayed',
  resolved: 'resolved',
  archived: 'archived',
  quarantined: 'quarantined',
}

interface PlanRow {
  readonly mapping: string
  readonly source: string
  readonly state: LetterState
  readonly fingerprint: string
  readonly error_name: string
  readonly error_message: string
}

const PLANNED = 'mapping, source, state, fingerprint, error_name, error_message'
const SHOWN_ERRORS = 20

const newTally = () => {
  const targets = new Map<string, { mapping: string; source: string; letters: number }>()
  const errors = new Map<string, { fingerprint: string; errorName: string; errorMessage: string; letters: number }>()
  const ineligible = new Map<Ineligible, number>()
  const add = ({ mapping, source, state, ...error }: PlanRow, letters: number): void => {
    if (state !== 'open') {
      ineligible.set(INELIGIBLE[state], (ineligible.get(INELIGIBLE[state]) ?? 0) + letters)
      return
    }
    const name = JSON.stringify([mapping, source])
    const target = targets.get(name) ?? { mapping, source, letters: 0 }
    target.letters += letters
    targets.set(name, target)
    const { fingerprint, error_name: errorName, error_message: errorMessage } = error
    const group = errors.get(fingerprint) ?? { fingerprint, errorName, errorMessage, letters: 0 }
    group.letters += letters
    errors.set(fingerprint, group)
  }
  return {
    add,
    refuse: (reason: Ineligible): void => void ineligible.set(reason, (ineligible.get(reason) ?? 0) + 1),
    plan: (): PlannedReplay => ({
      selected: [...targets.values()].reduce((sum, { letters }) => sum + letters, 0),
      targets: [...targets.values()],
      ineligible: [...ineligible].map(([reason, letters]) => ({ reason, letters })),
      errors: [...errors.values()].toSorted((one, other) => other.letters - one.letters).slice(0, SHOWN_ERRORS),
    }),
  }
}

const planIds = async (room: Room, typed: readonly string[]): Promise<Plan> => {
  const ids = [...new Set(typed.map(typedLetterId))]
  const rows = await room.database.read(() =>
    all<PlanRow & { readonly id: string }>(
      `SELECT id, ${PLANNED} FROM dead_letters WHERE id IN ${room.database.texts('$1')}`,
      JSON.stringify(ids),
    ),
  )
  const found = new Map(rows.map(row => [row.id, row] as const))
  const tally = newTally()
  const refused: RefusedReplay[] = []
  for (const id of ids) {
    const row = found.get(id)
    if (row) tally.add(row, 1)
    else tally.refuse('unknown')
    if (row?.state !== 'open') refused.push({ id, reason: row ? INELIGIBLE[row.state] : 'unknown' })
  }
  return { ...tally.plan(), ids: ids.filter(id => found.get(id)?.state === 'open'), refused }
}

/** Groups count by whole days. */
export const countedByGroups = (filter: LetterFilter): boolean =>
  !looksInside(filter) &&
  filter.key === undefined &&
  filter.reason === undefined &&
  filter.since === undefined &&
  filter.until === undefined

function* groupRows({ key: _, reason: __, headers: ___, fields: ____, ...filter }: LetterFilter) {
  const values = newValues()
  return yield* all<PlanRow & { readonly letters: number }>(
    `SELECT mapping, source, state, fingerprint, max(error_name) AS error_name, max(error_message) AS error_message,
       sum(letters) AS letters FROM letter_groups WHERE ${allOf(groupConditions(filter), values)}
       GROUP BY mapping, source, state, fingerprint HAVING sum(letters) > 0`,
    ...values.list,
  )
}

const PAGE = 2_000

const walkAll = async (
  room: Room,
  filter: LetterFilter,
  { mark }: Frozen,
  each: (row: PlanRow) => void,
): Promise<void> => {
  let after: string | undefined
  do {
    const walking = { filter, direction: 'oldest first', limit: PAGE, to: mark, columns: `id, ${PLANNED}` } as const
    const { rows, next } = await room.database.read(() =>
      walk<PlanRow & { readonly id: string }>(room, { ...walking, ...(after === undefined ? {} : { after }) }),
    )
    for (const row of rows) each(row)
    after = next
  } while (after !== undefined)
}
