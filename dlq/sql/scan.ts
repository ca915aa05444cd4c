/**
 * Walking through letters in the order of their ids, whichever filter there is: an index leads, what it does not know is
 * looked at slice by slice, and a walk ends after a while with where it has come to. So no filter, however rare what it
 * matches, holds up anybody.
 */
import { hasContent, looksInside } from '../content.ts'
import type { LetterFilter } from '../store.ts'
import { allOf, type Condition, conditionsOf } from './conditions.ts'
import { readRecord } from './letter.ts'
import type { Room } from './room.ts'
import { all, first, newValues, type Work } from './work.ts'

export interface Walk {
  readonly filter: LetterFilter
  readonly direction: 'newest first' | 'oldest first'
  /** Goes on after this id. */
  readonly after?: string
  /** Goes no further than this id. */
  readonly to?: string
  readonly limit: number
  /** Columns wanted; `id` is among them. */
  readonly columns: string
  /** Conditions of the caller. */
  readonly also?: readonly Condition[]
}

export interface Walked<Row> {
  readonly rows: readonly Row[]
  /** The last id looked at; undefined when nothing is left. */
  readonly next: string | undefined
}

const SLICE = 4_000
/** Envelopes and bodies are read for these. */
const SLICE_INSIDE = 200
const LONGEST_MS = 40

export function* walk<Row extends { readonly id: string }>(room: Room, walking: Walk): Work<Walked<Row>> {
  const endAt = room.clock.monotonic() + LONGEST_MS
  const found: Row[] = []
  let after = walking.after
  for (;;) {
    const { rows, next } = yield* walkSlice<Row>(room, walking, after, walking.limit - found.length)
    found.push(...rows)
    if (next === undefined) return { rows: found, next: undefined }
    if (found.length >= walking.limit || room.clock.monotonic() >= endAt) return { rows: found, next }
    after = next
  }
}

function* walkSlice<Row extends { readonly id: string }>(
  room: Room,
  walking: Walk,
  after: string | undefined,
  limit: number,
): Work<Walked<Row>> {
  const { filter, columns, also = [] } = walking
  const { indexed, rest } = conditionsOf(filter)
  const led = [...indexed, ...from(walking, after)]
  const others = [...rest, ...also]
  const inside = looksInside(filter)
  const order = ORDER[walking.direction]
  const values = newValues()
  if (others.length === 0 && !inside) {
    const text = `SELECT ${columns} FROM dead_letters WHERE ${allOf(led, values)} ORDER BY id ${order} LIMIT ${values.add(limit)}`
    const rows = yield* all<Row>(text, ...values.list)
    return { rows, next: rows.length < limit ? undefined : rows.at(-1)?.id }
  }
  const slice = inside ? SLICE_INSIDE : SLICE
  const sliced = `SELECT * FROM dead_letters WHERE ${allOf(led, values)} ORDER BY id ${order} LIMIT ${values.add(slice)}`
  // The slice is in order already, and is read no further than it has to be.
  const text = `SELECT ${columns} FROM (${sliced}) AS slice WHERE ${allOf(others, values)}
    LIMIT ${values.add(inside ? slice : limit)}`
  const matching = yield* all<Row>(text, ...values.list)
  const rows = inside ? yield* keepMatching(room, filter, matching, limit) : matching
  return { rows, next: rows.length >= limit ? rows.at(-1)?.id : yield* endOfSlice(led, order, slice) }
}

const ORDER = { 'newest first': 'DESC', 'oldest first': 'ASC' } as const

const from = ({ direction, to }: Walk, after: string | undefined): readonly Condition[] => {
  const [beyond, upTo] = direction === 'newest first' ? ['id < ', 'id >= '] : ['id > ', 'id <= ']
  return [
    ...(after === undefined ? [] : [{ text: beyond, value: after }]),
    ...(to === undefined ? [] : [{ text: upTo, value: to }]),
  ]
}

/** The last id of a full slice, undefined for one that reached the end. */
function* endOfSlice(led: readonly Condition[], order: 'ASC' | 'DESC', slice: number): Work<string | undefined> {
  const values = newValues()
  const text = `SELECT id FROM dead_letters WHERE ${allOf(led, values)} ORDER BY id ${order} LIMIT 1 OFFSET ${values.add(slice - 1)}`
  const last = yield* first<{ readonly id: string }>(text, ...values.list)
  return last?.id
}

function* keepMatching<Row extends { readonly id: string }>(
  room: Room,
  filter: LetterFilter,
  rows: readonly Row[],
  limit: number,
): Work<readonly Row[]> {
  const kept: Row[] = []
  for (const row of rows) {
    if (kept.length >= limit) break
    const record = yield* readRecord(room, row.id)
    if (record && hasContent(record, filter)) kept.push(row)
  }
  return kept
}
