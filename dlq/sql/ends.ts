/** How replays of letters end, and what that means for their jobs. */
import { enterAudit } from './audit.ts'
import type { Room } from './room.ts'
import { all, first, run, type Work } from './work.ts'

/** Of letters taken by a job: what became of them, to be counted once for all of a transaction. */
export interface Ends {
  add(taken: TakenRow, outcome: 'resolved' | 'failed' | 'returned'): void
  list(): readonly EndCount[]
}

export interface TakenRow {
  readonly id: string
  readonly job: string | null
  readonly mapping: string
  readonly source: string
}

interface EndCount {
  readonly job: string
  readonly mapping: string
  readonly source: string
  resolved: number
  failed: number
  returned: number
}

export const newEnds = (): Ends => {
  const counts = new Map<string, EndCount>()
  return {
    add({ job, mapping, source }, outcome) {
      if (job === null) return
      const name = JSON.stringify([job, mapping, source])
      const count = counts.get(name) ?? { job, mapping, source, resolved: 0, failed: 0, returned: 0 }
      count[outcome] += 1
      counts.set(name, count)
    },
    list: () => [...counts.values()],
  }
}

export const TAKEN = 'id, job, mapping, source'

/** To be called at the end of the transaction in which they were added. */
export function* countEnds(room: Room, ends: Ends): Work<void> {
  const counts = ends.list()
  for (const { job, mapping, source, resolved, failed, returned } of counts)
    yield* run(
      `UPDATE replay_parts SET resolved = resolved + $1, failed = failed + $2, returned = returned + $3, state = CASE
           WHEN state = 'taken' AND resolved + failed + returned + $4 >= taken THEN 'done' ELSE state END
         WHERE job = $5 AND mapping = $6 AND source = $7`,
      resolved,
      failed,
      returned,
      resolved + failed + returned,
      job,
      mapping,
      source,
    )
  for (const job of new Set(counts.map(count => count.job))) yield* lookAtJob(room, job)
}

interface JobRow {
  readonly state: string
  readonly canary: number | null
  readonly stop_at: number | null
  readonly resolved: number
  readonly failed: number
  readonly unfinished: number
}

/** Of fewer a share says nothing. */
const FEWEST = 20

/** Whether a job is done, or fails too often to go on. */
export function* lookAtJob(room: Room, id: string): Work<void> {
  const row = yield* first<JobRow>(
    `SELECT state, canary, stop_at,
       (SELECT coalesce(sum(resolved), 0) FROM replay_parts WHERE job = replay_jobs.id) AS resolved,
       (SELECT coalesce(sum(failed), 0) FROM replay_parts WHERE job = replay_jobs.id) AS failed,
       (SELECT count(*) FROM replay_parts WHERE job = replay_jobs.id AND state <> 'done') AS unfinished
     FROM replay_jobs WHERE id = $1`,
    id,
  )
  if (row?.state !== 'running' && row?.state !== 'paused') return
  const [failed, ended] = [Number(row.failed), Number(row.resolved) + Number(row.failed)]
  if (Number(row.unfinished) === 0) {
    yield* run("UPDATE replay_jobs SET state = 'done', ended_at = $1 WHERE id = $2", room.clock.now(), id)
    return
  }
  if (row.stop_at === null || ended < (row.canary ?? FEWEST) || failed / ended <= row.stop_at) return
  const why = `${failed} of ${ended} failed, more than ${Math.round(row.stop_at * 1_000) / 10} %`
  yield* endJob(room, id, 'stopped', why)
  yield* enterAudit(room, { operator: '', reason: why }, 'replay stopped', id, '')
}

/** Nothing more is taken; what waits to be tried again is open again, what runs may end. */
export function* endJob(room: Room, id: string, state: 'stopped' | 'cancelled', why: string | null): Work<void> {
  const now = room.clock.now()
  yield* run(
    'UPDATE replay_jobs SET state = $1, ended_at = $2, stopped_because = $3 WHERE id = $4',
    state,
    now,
    why,
    id,
  )
  const waiting = yield* all<Omit<TakenRow, 'job'>>(
    `UPDATE dead_letters SET ${GIVEN_UP} WHERE job = $2 AND state = 'replaying' AND owner IS NULL
       RETURNING id, mapping, source`,
    now,
    id,
  )
  const ends = newEnds()
  for (const row of waiting) ends.add({ ...row, job: id }, 'returned')
  yield* run("UPDATE replay_parts SET state = 'taken' WHERE job = $1 AND state = 'open'", id)
  yield* countEnds(room, ends)
  yield* run(
    "UPDATE replay_parts SET state = 'done' WHERE job = $1 AND state = 'taken' AND resolved + failed + returned >= taken",
    id,
  )
}

/** Open again, as if nobody had taken it; $1 is the time. */
export const GIVEN_UP = `state = 'open', opened_at = $1, job = NULL, owner = NULL, lease_until = NULL, due_at = NULL,
  claims = 0, replay_attempts = 0`

const FAILED = `UPDATE dead_letters SET state = CASE WHEN replays + 1 >= $1 THEN 'quarantined' ELSE 'open' END,
  replays = replays + 1, opened_at = $2, job = NULL, owner = NULL, lease_until = NULL, due_at = NULL, claims = 0,
  replay_attempts = 0 WHERE id = $3`

/** A replay of this letter failed: it is open again, or quarantined when that was the last time. */
export function* failAgain(room: Room, taken: TakenRow, message: string, ends: Ends): Work<void> {
  yield* run(FAILED, room.limits().maxReplays, room.clock.now(), taken.id)
  yield* enterReplay(room, taken, 'failed', message)
  ends.add(taken, 'failed')
}

const RESOLVED = `UPDATE dead_letters SET state = 'resolved', listed = 0, resolved_at = $1, parked_id = NULL, job = NULL,
  owner = NULL, lease_until = NULL, due_at = NULL WHERE id = $2`

export function* resolveLetter(room: Room, taken: TakenRow, ends: Ends): Work<void> {
  yield* run(RESOLVED, room.clock.now(), taken.id)
  yield* enterReplay(room, taken, 'resolved', null)
  ends.add(taken, 'resolved')
}

export function* enterReplay(
  { clock, database }: Room,
  { id, job }: Pick<TakenRow, 'id' | 'job'>,
  outcome: 'resolved' | 'failed',
  message: string | null,
): Work<void> {
  yield* run(
    'INSERT INTO letter_replays (letter, job, at, outcome, message) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING',
    id,
    job ?? '',
    clock.now(),
    outcome,
    message === null ? null : database.storable(message.slice(0, MESSAGE_CHARS)),
  )
}

export const MESSAGE_CHARS = 500
