/** The attempts of records that are not parked, and what is known of a record that comes again. */
import type { Recalled, RememberedAttempts } from '../../core/dead-letters.ts'
import type { LetterDatabase, Room } from './room.ts'
import { all, first, run, type Work } from './work.ts'

/** Attempts nobody asked for again: their record was lost or its mapping removed. */
const REMEMBER_MS = 30 * 24 * 3_600_000

export const rememberAttempts = async (
  { database, clock }: Room,
  mapping: string,
  source: string,
  entries: readonly RememberedAttempts[],
): Promise<void> => {
  if (entries.length === 0) return
  await database.write(function* () {
    knowSomething(database, mapping, source)
    for (const { id, attempts, dueAt, freeSince } of entries)
      yield* run(
        `INSERT INTO remembered_attempts (mapping, source, record_id, attempts, remembered_at, due_at, free_since)
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (mapping, source, record_id) DO UPDATE SET
           attempts = excluded.attempts, remembered_at = excluded.remembered_at, due_at = excluded.due_at,
           free_since = excluded.free_since`,
        mapping,
        source,
        database.identity(id),
        JSON.stringify(attempts),
        clock.now(),
        dueAt === undefined ? null : Math.round(dueAt),
        freeSince === undefined ? null : Math.round(freeSince),
      )
    yield* forgetOld(clock.now(), entries.length + 1)
  })
}

/** Writes nothing where nothing is stored, which is the common case. */
export const forgetAttempts = async (
  { database }: Room,
  mapping: string,
  source: string,
  ids: readonly string[],
): Promise<void> => {
  if (ids.length === 0 || (await database.read(() => knowsNothing(database, mapping, source)))) return
  await database.write(function* () {
    for (const id of ids) yield* forgetOne(database, mapping, source, id)
  })
}

/** Of a parked record only whether it is: its attempts are in its letter. */
export function* recallRecords(
  { database }: Room,
  mapping: string,
  source: string,
  ids: readonly string[],
): Work<ReadonlyMap<string, Recalled>> {
  const recalled = new Map<string, Recalled>()
  if (yield* knowsNothing(database, mapping, source)) return recalled
  const asGiven = new Map(ids.map(id => [database.identity(id), id] as const))
  const wanted = JSON.stringify([...asGiven.keys()])
  const remembered = yield* all<RememberedRow>(
    `SELECT record_id, attempts, due_at, free_since FROM remembered_attempts
       WHERE mapping = $1 AND source = $2 AND record_id IN ${database.texts('$3')}`,
    mapping,
    source,
    wanted,
  )
  for (const { record_id: id, attempts, due_at: dueAt, free_since: freeSince } of remembered)
    recalled.set(asGiven.get(id) ?? id, {
      parked: false,
      attempts: JSON.parse(attempts),
      ...(dueAt === null ? {} : { dueAt }),
      ...(freeSince === null ? {} : { freeSince }),
    })
  const parked = yield* all<{ readonly parked_id: string }>(
    `SELECT parked_id FROM dead_letters WHERE mapping = $1 AND source = $2 AND parked_id IN ${database.texts('$3')}`,
    mapping,
    source,
    wanted,
  )
  for (const { parked_id: id } of parked) {
    const given = asGiven.get(id) ?? id
    recalled.set(given, { attempts: [], ...recalled.get(given), parked: true })
  }
  return recalled
}

interface RememberedRow {
  readonly record_id: string
  readonly attempts: string
  readonly due_at: number | null
  readonly free_since: number | null
}

export const forgetOne = ({ identity }: LetterDatabase, mapping: string, source: string, id: string): Work<number> =>
  run(
    'DELETE FROM remembered_attempts WHERE mapping = $1 AND source = $2 AND record_id = $3',
    mapping,
    source,
    identity(id),
  )

const forgetOld = (now: number, atMost: number): Work<number> =>
  run(
    `DELETE FROM remembered_attempts WHERE (mapping, source, record_id) IN
       (SELECT mapping, source, record_id FROM remembered_attempts WHERE remembered_at < $1 LIMIT $2)`,
    now - REMEMBER_MS,
    atMost,
  )

/** Asked for every record that comes again, and almost always true: answered from memory while nobody else wrote. */
function* knowsNothing({ nothingKnown }: LetterDatabase, mapping: string, source: string): Work<boolean> {
  const name = JSON.stringify([mapping, source])
  if (nothingKnown.has(name)) return true
  const some = yield* first<{ readonly some: number }>(
    `SELECT 1 AS some FROM remembered_attempts WHERE mapping = $1 AND source = $2
     UNION ALL SELECT 1 FROM dead_letters WHERE mapping = $1 AND source = $2 AND parked_id IS NOT NULL LIMIT 1`,
    mapping,
    source,
  )
  if (!some) nothingKnown.add(name)
  return some === undefined
}

/** To be called inside the write that stores the first letter or attempt. */
export const knowSomething = ({ nothingKnown }: LetterDatabase, mapping: string, source: string): void => {
  nothingKnown.delete(JSON.stringify([mapping, source]))
}
