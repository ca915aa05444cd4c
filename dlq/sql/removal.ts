/** Letters that are removed for good: what is old enough, and what somebody purges. Files of bodies go after the rows. */
import type { Room } from './room.ts'
import { all, type SqlValue, type Work } from './work.ts'

/** A write removes at most this many old letters on its way, so that it stays short. */
const REMOVE_AT_ONCE = 200

const SWEEP_MS = 60_000

/** Now and then, with something else that is written. Answers files of bodies that nobody needs any more. */
export function* removeOld(room: Room): Work<readonly string[]> {
  const { clock, watchers } = room
  if (Math.abs(clock.now() - watchers.sweptAt) < SWEEP_MS) return []
  watchers.sweptAt = clock.now()
  const limits = room.limits()
  const now = clock.now()
  const files = [
    ...(yield* removeSome("state = 'resolved' AND resolved_at < $1", now - limits.keepResolvedMs)),
    ...(yield* removeSome("state = 'archived' AND archived_at < $1", now - limits.keepArchivedMs)),
  ]
  if (limits.expireAfterMs === undefined) return files
  const expired = now - limits.expireAfterMs
  return [...files, ...(yield* removeSome("listed = 1 AND state <> 'replaying' AND parked_at < $1", expired))]
}

const removeSome = (where: string, value: number): Work<readonly string[]> =>
  removeLetters(`id IN (SELECT id FROM dead_letters WHERE ${where} LIMIT ${REMOVE_AT_ONCE})`, value)

export function* removeLetters(where: string, ...values: readonly SqlValue[]): Work<readonly string[]> {
  const rows = yield* all<{ readonly body_file: string | null }>(
    `DELETE FROM dead_letters WHERE ${where} RETURNING body_file`,
    ...values,
  )
  return rows.flatMap(({ body_file: file }) => file ?? [])
}

/** To be called once the rows are gone for certain. A file that is left behind is found when a store is opened. */
export const dropFiles = async ({ database }: Room, names: readonly string[]): Promise<void> => {
  if (names.length > 0) database.bodies.remove(names)
}
