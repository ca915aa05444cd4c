/** The attempts of records that are not parked, and what is known of a record that comes again. */

import type { Database } from '../core/database.ts'
import type { Recalled, RememberedAttempts } from '../core/dead-letters.ts'
import { knowSomething, knowsNothing, type Room, read, rows } from './sqlite-room.ts'
import { storedId } from './sqlite-schema.ts'

/** Attempts nobody asked for again: their record was lost or its mapping removed. */
const REMEMBER_MS = 30 * 24 * 3_600_000

export const rememberAttempts = async (
  room: Room,
  mapping: string,
  source: string,
  entries: readonly RememberedAttempts[],
): Promise<void> => {
  if (entries.length === 0) return
  const { database, clock } = room
  await database.write(() => {
    knowSomething(room, mapping, source)
    for (const { id, attempts, dueAt, freeSince } of entries)
      database
        .sql(
          `INSERT INTO remembered_attempts (mapping, source, record_id, attempts, remembered_at, due_at, free_since)
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET attempts = excluded.attempts,
             remembered_at = excluded.remembered_at, due_at = excluded.due_at, free_since = excluded.free_since`,
        )
        .run(mapping, source, storedId(id), JSON.stringify(attempts), clock.now(), dueAt ?? null, freeSince ?? null)
    forgetOld(room, entries.length + 1)
  })
}

/** Writes nothing where nothing is stored, which is the common case. */
export const forgetAttempts = async (
  room: Room,
  mapping: string,
  source: string,
  ids: readonly string[],
): Promise<void> => {
  if (ids.length === 0 || (await read(room, () => knowsNothing(room, mapping, source)))) return
  await room.database.write(() => {
    for (const id of ids) forgetOne(room.database, mapping, source, id)
  })
}

/** Of a parked record only whether it is: its attempts are in its letter. */
export const recallRecords = (
  room: Room,
  mapping: string,
  source: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Recalled>> => read(room, () => recall(room, mapping, source, ids))

const recall = (room: Room, mapping: string, source: string, ids: readonly string[]): ReadonlyMap<string, Recalled> => {
  const recalled = new Map<string, Recalled>()
  if (knowsNothing(room, mapping, source)) return recalled
  const asGiven = new Map(ids.map(id => [storedId(id), id] as const))
  const wanted = JSON.stringify([...asGiven.keys()])
  for (const { id, attempts, due_at: dueAt, free_since: freeSince, parked } of rows<RecalledRow>(
    room.database.sql(RECALL).all({ mapping, source, ids: wanted }),
  )) {
    const found: Recalled = {
      parked: parked === 1,
      attempts: attempts === null ? [] : JSON.parse(attempts),
      ...(dueAt === null ? {} : { dueAt }),
      ...(freeSince === null ? {} : { freeSince }),
    }
    if (parked === 1 || attempts !== null) recalled.set(asGiven.get(id) ?? id, found)
  }
  return recalled
}

interface RecalledRow {
  readonly id: string
  readonly attempts: string | null
  readonly due_at: number | null
  readonly free_since: number | null
  readonly parked: 0 | 1
}

const RECALL = `
  SELECT wanted.value AS id, remembered.attempts, remembered.due_at, remembered.free_since,
    EXISTS (SELECT 1 FROM dead_letters WHERE mapping = $mapping AND source = $source
       AND parked_id = wanted.value) AS parked
  FROM json_each($ids) AS wanted LEFT JOIN remembered_attempts AS remembered
    ON remembered.mapping = $mapping AND remembered.source = $source AND remembered.record_id = wanted.value`

export const forgetOne = (database: Database, mapping: string, source: string, id: string): void => {
  database
    .sql('DELETE FROM remembered_attempts WHERE mapping = ? AND source = ? AND record_id = ?')
    .run(mapping, source, storedId(id))
}

const forgetOld = ({ database, clock }: Room, atMost: number): void => {
  database
    .sql(
      `DELETE FROM remembered_attempts WHERE (mapping, source, record_id) IN
         (SELECT mapping, source, record_id FROM remembered_attempts WHERE remembered_at < ? LIMIT ?)`,
    )
    .run(clock.now() - REMEMBER_MS, atMost)
}
