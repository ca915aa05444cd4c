/** Replay jobs: made, shown and steered. */
import { nextLetterId } from '../letter-id.ts'
import type { JobPart, JobRequest, JobStatus, ReplayTarget, StartedReplay } from '../replay-store.ts'
import type { Operator } from '../store.ts'
import { enterAudit } from './audit.ts'
import { endJob, lookAtJob } from './ends.ts'
import { freeze, planOf } from './plan.ts'
import { type Room, wakeWatchers } from './room.ts'
import { all, first, run, type Work } from './work.ts'

/**
 * The selection is a condition, the highest id there is, and the time: what is parked or opened later does not belong to
 * it. So a job for a million letters is a row and its parts, and nobody waits for it.
 */
export const startReplay = async (room: Room, request: JobRequest, by: Operator): Promise<StartedReplay> => {
  const frozen = await room.database.read(() => freeze(room))
  const plan = await planOf(room, request, frozen)
  const refused = plan.refused ?? []
  if (plan.selected === 0) return { job: undefined, selected: 0, refused }
  const { target = { kind: 'function' }, perSecond, concurrency, canary, stopAt } = request
  const job = await room.database.write(function* () {
    const last = yield* first<{ readonly id: string | null }>(
      "SELECT max(id) AS id FROM replay_jobs WHERE id <> 'before'",
    )
    const id = nextLetterId(last?.id ?? undefined, frozen.at)
    yield* run(
      `INSERT INTO replay_jobs (id, state, created_at, operator, reason, selection, target, mark, rate, concurrency,
         canary, stop_at) VALUES ($1, 'running', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      id,
      frozen.at,
      room.database.storable(by.operator),
      room.database.storable(by.reason),
      JSON.stringify(plan.ids ? { ids: plan.ids } : request.selection),
      JSON.stringify(target),
      frozen.mark,
      perSecond ?? null,
      concurrency ?? null,
      canary ?? null,
      stopAt ?? null,
    )
    for (const { mapping, source, letters } of plan.targets)
      yield* run(
        `INSERT INTO replay_parts (job, mapping, source, state, cursor, selected) VALUES ($1, $2, $3, 'open', '', $4)`,
        id,
        mapping,
        source,
        letters,
      )
    yield* enterAudit(room, by, 'replay', id, JSON.stringify({ ...request.selection, target, letters: plan.selected }))
    return id
  })
  wakeWatchers(room)
  return { job, selected: plan.selected, refused }
}

interface JobRow {
  readonly id: string
  readonly state: JobStatus['state']
  readonly created_at: number
  readonly ended_at: number | null
  readonly operator: string
  readonly reason: string
  readonly target: string
  readonly rate: number | null
  readonly concurrency: number | null
  readonly canary: number | null
  readonly stop_at: number | null
  readonly stopped_because: string | null
}

interface PartRow extends JobPart {
  readonly returned: number
}

const JOB = `SELECT id, state, created_at, ended_at, operator, reason, target, rate, concurrency, canary, stop_at,
  stopped_because FROM replay_jobs`

export function* jobs(
  room: Room,
  { state, limit = 50 }: { readonly state?: JobStatus['state']; readonly limit?: number },
): Work<readonly JobStatus[]> {
  const rows =
    state === undefined
      ? yield* all<JobRow>(`${JOB} ORDER BY created_at DESC, id DESC LIMIT $1`, limit)
      : yield* all<JobRow>(`${JOB} WHERE state = $1 ORDER BY created_at DESC, id DESC LIMIT $2`, state, limit)
  const found: JobStatus[] = []
  for (const row of rows) found.push(yield* statusOf(room, row))
  return found
}

export function* job(room: Room, id: string): Work<JobStatus | undefined> {
  const row = yield* first<JobRow>(`${JOB} WHERE id = $1`, id)
  return row && (yield* statusOf(room, row))
}

function* statusOf({ database }: Room, row: JobRow): Work<JobStatus> {
  const parts = yield* all<PartRow>(
    `SELECT mapping, source, state, selected, taken, resolved, failed, returned FROM replay_parts
       WHERE job = $1 ORDER BY mapping, source`,
    row.id,
  )
  const sum = (name: 'selected' | 'taken' | 'resolved' | 'failed' | 'returned'): number =>
    parts.reduce((total, part) => total + part[name], 0)
  return {
    id: row.id,
    state: row.state,
    createdAt: row.created_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    operator: database.restored(row.operator),
    reason: database.restored(row.reason),
    target: JSON.parse(row.target) as ReplayTarget,
    ...(row.rate === null ? {} : { perSecond: row.rate }),
    ...(row.concurrency === null ? {} : { concurrency: row.concurrency }),
    ...(row.canary === null ? {} : { canary: row.canary }),
    ...(row.stop_at === null ? {} : { stopAt: row.stop_at }),
    ...(row.stopped_because === null ? {} : { stoppedBecause: row.stopped_because }),
    selected: sum('selected'),
    resolved: sum('resolved'),
    failed: sum('failed'),
    underWay: sum('taken') - sum('resolved') - sum('failed') - sum('returned'),
    parts: parts.map(({ returned: _, ...part }) => ({ ...part })),
  }
}

const ACTIONS = { paused: 'replay paused', running: 'replay resumed', cancelled: 'replay cancelled' } as const

export const steer = async (room: Room, id: string, to: keyof typeof ACTIONS, by: Operator): Promise<boolean> => {
  const steered = await room.database.write(function* () {
    const row = yield* first<{ readonly state: string }>('SELECT state FROM replay_jobs WHERE id = $1', id)
    if (row?.state !== 'running' && row?.state !== 'paused') return false
    if (to === 'cancelled') yield* endJob(room, id, 'cancelled', null)
    else yield* run('UPDATE replay_jobs SET state = $1 WHERE id = $2', to, id)
    if (to === 'running') yield* lookAtJob(room, id)
    yield* enterAudit(room, by, ACTIONS[to], id, '')
    return true
  })
  if (steered) wakeWatchers(room)
  return steered
}
