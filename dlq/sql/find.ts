/** Finding letters: pages, groups and counts. */

import { typedLetterId } from '../letter-id.ts'
import type { GROUPINGS, GroupRequest, LetterCount, LetterGroup, LetterPage, ListFilter } from '../store.ts'
import { allOf, type Condition } from './conditions.ts'
import type { Room } from './room.ts'
import { type LetterRow, SUMMARY_COLUMNS, summaryOf } from './rows.ts'
import { walk } from './scan.ts'
import { all, newValues, type Work } from './work.ts'

export function* page(room: Room, { limit, before, ...filter }: ListFilter): Work<LetterPage> {
  const { rows, next } = yield* walk<LetterRow>(room, {
    filter,
    direction: 'newest first',
    limit,
    columns: SUMMARY_COLUMNS,
    ...(before === undefined ? {} : { after: typedLetterId(before) }),
  })
  return { letters: rows.map(row => summaryOf(row, room.database)), ...(next === undefined ? {} : { next }) }
}

export const DAY_MS = 24 * 3_600_000

const COLUMNS: Readonly<Record<(typeof GROUPINGS)[number], string>> = {
  error: 'fingerprint',
  function: 'function',
  mapping: 'mapping',
  day: 'day',
}

interface GroupRow {
  readonly name: string | number
  readonly letters: number
  readonly first_at: number
  readonly last_at: number
  readonly error_name: string
  readonly error_message: string
}

export function* groups(
  { database }: Room,
  { by, limit, offset = 0, ...filter }: GroupRequest,
): Work<readonly LetterGroup[]> {
  const values = newValues()
  const column = COLUMNS[by]
  const where = allOf(groupConditions(filter), values)
  const rows = yield* all<GroupRow>(
    `SELECT ${column} AS name, sum(letters) AS letters, min(first_at) AS first_at, max(last_at) AS last_at,
       max(error_name) AS error_name, max(error_message) AS error_message
     FROM letter_groups WHERE ${where} GROUP BY ${column} HAVING sum(letters) > 0
     ORDER BY ${by === 'day' ? 'name DESC' : 'letters DESC, name'} LIMIT ${values.add(limit)} OFFSET ${values.add(offset)}`,
    ...values.list,
  )
  return rows.map(row => ({
    group: by === 'day' ? new Date(Number(row.name) * DAY_MS).toISOString().slice(0, 10) : String(row.name),
    letters: Number(row.letters),
    firstAt: Number(row.first_at),
    lastAt: Number(row.last_at),
    errorName: database.restored(row.error_name),
    errorMessage: database.restored(row.error_message),
  }))
}

/** Conditions on groups, which stand for those on letters. */
export const groupConditions = (filter: Omit<GroupRequest, 'by' | 'limit' | 'offset'>): readonly Condition[] => {
  const { mapping, function: fn, source, error, fingerprint, state, since, until } = filter
  const equal = { mapping, function: fn, source, error_name: error, fingerprint, state }
  return [
    ...Object.entries(equal).flatMap(([column, value]) =>
      value === undefined ? [] : [{ text: `${column} = `, value }],
    ),
    ...(state === undefined ? [{ text: "state <> 'resolved'" }, { text: "state <> 'archived'" }] : []),
    ...(since === undefined ? [] : [{ text: 'day >= ', value: Math.floor(since / DAY_MS) }]),
    ...(until === undefined ? [] : [{ text: 'day <= ', value: Math.floor((until - 1) / DAY_MS) }]),
  ]
}

export function* counts(): Work<readonly LetterCount[]> {
  const rows = yield* all<LetterCount>(
    `SELECT mapping, state, sum(letters) AS letters FROM letter_groups GROUP BY mapping, state
       HAVING sum(letters) > 0 ORDER BY mapping, state`,
  )
  return rows.map(row => ({ mapping: row.mapping, state: row.state, letters: Number(row.letters) }))
}
