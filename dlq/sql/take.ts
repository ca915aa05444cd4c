/** Which letters a process may take of the jobs that run: pace, canary and order are decided here. */

import { allowance, type Pace, rateFromAfter } from '../pace.ts'
import type { ClaimRequest, ReplayTarget } from '../replay-store.ts'
import type { LetterFilter } from '../store.ts'
import { lookAtJob } from './ends.ts'
import { isDead } from './owners.ts'
import type { Room } from './room.ts'
import { type Walked, walk } from './scan.ts'
import { all, first, run, type Work } from './work.ts'

export interface LeasedRow {
  readonly id: string
  readonly body_bytes: number
  readonly fence: number
  readonly claims: number
  readonly replays: number
  readonly replay_attempts: number
  readonly job: string
  readonly target: string
  readonly created_at: number
}

interface PartRow {
  readonly job: string
  readonly cursor: string
  readonly state: 'open' | 'taken'
  readonly owner: string | null
  readonly lease_until: number | null
  readonly selection: string
  readonly target: string
  readonly mark: string
  readonly created_at: number
  readonly rate: number | null
  readonly rate_from: number
  readonly concurrency: number | null
  readonly canary: number | null
}

const LIVE = `FROM replay_parts JOIN replay_jobs ON replay_jobs.id = replay_parts.job
  WHERE mapping = $1 AND source = $2 AND replay_parts.state <> 'done' AND replay_jobs.state = 'running'`

export function* anyPart({ mapping, source }: ClaimRequest): Work<boolean> {
  return (yield* first(`SELECT 1 AS found ${LIVE} LIMIT 1`, mapping, source)) !== undefined
}

export interface Taken {
  readonly rows: readonly LeasedRow[]
  readonly lookAt: number | undefined
}

/** What is left of a request while its parts are gone through. */
interface Want {
  letters: number
  bytes: number
  lookAt: number | undefined
}

export function* takeDue(room: Room, request: ClaimRequest): Work<Taken> {
  const parts = yield* all<PartRow>(
    `SELECT job, cursor, replay_parts.state, owner, lease_until, selection, target, mark, created_at, rate, rate_from,
       concurrency, canary ${LIVE} ORDER BY job`,
    request.mapping,
    request.source,
  )
  const want: Want = { letters: request.max, bytes: request.maxBytes, lookAt: undefined }
  const rows: LeasedRow[] = []
  for (const part of parts) {
    const { kind } = JSON.parse(part.target) as ReplayTarget
    if ((kind === 'function') !== (request.by === 'function') || want.letters <= 0) continue
    if (request.order === 'key' && !(yield* holdPart(room, part, request, want))) continue
    rows.push(...(yield* takeReturned(room, part, request, want)))
    rows.push(...(yield* takeNew(room, part, request, want)))
  }
  return { rows, lookAt: want.lookAt }
}

const sooner = (want: Want, at: number): void => {
  want.lookAt = Math.min(want.lookAt ?? at, at)
}

const LEASE_LOOK_MS = 1_000

/** One process works on a part whose order counts, until it ends or stops answering. */
function* holdPart(room: Room, part: PartRow, request: ClaimRequest, want: Want): Work<boolean> {
  const now = room.clock.now()
  const others = part.owner !== null && part.owner !== room.owner
  if (others && (part.lease_until ?? 0) > now && !isDead(part.owner ?? '')) {
    sooner(want, now + LEASE_LOOK_MS)
    return false
  }
  yield* run(
    'UPDATE replay_parts SET owner = $1, lease_until = $2 WHERE job = $3 AND mapping = $4 AND source = $5',
    room.owner,
    now + request.leaseMs,
    part.job,
    request.mapping,
    request.source,
  )
  return true
}

const COLUMNS = 'id, body_bytes, fence, claims, replays, replay_attempts'

/** Letters of the part that came back and are due. */
function* takeReturned(room: Room, part: PartRow, request: ClaimRequest, want: Want): Work<readonly LeasedRow[]> {
  const now = room.clock.now()
  const due = yield* all<LeasedRow & { readonly due_at: number }>(
    `SELECT ${COLUMNS}, due_at FROM dead_letters
       WHERE mapping = $1 AND source = $2 AND due_at IS NOT NULL AND job = $3 ORDER BY due_at, id LIMIT $4`,
    request.mapping,
    request.source,
    part.job,
    want.letters,
  )
  const later = due.find(row => row.due_at > now)
  if (later) sooner(want, later.due_at)
  return yield* lease(
    room,
    part,
    request,
    want,
    due.filter(row => row.due_at <= now),
  )
}

/** Letters that nobody has taken yet, as many as pace and canary allow. */
function* takeNew(room: Room, part: PartRow, request: ClaimRequest, want: Want): Work<readonly LeasedRow[]> {
  if (part.state !== 'open' || want.letters <= 0 || want.bytes <= 0) return []
  const now = room.clock.now()
  const { letters, lookAt } = allowance(yield* paceOf(part), now)
  if (lookAt !== undefined) sooner(want, lookAt)
  const limit = Math.min(letters, want.letters)
  if (limit <= 0) return []
  const { rows, next } = yield* candidates(room, part, request, limit)
  const taken = yield* lease(room, part, request, want, rows)
  const cursor = taken.length < rows.length ? (taken.at(-1)?.id ?? part.cursor) : (next ?? part.mark)
  const ended = taken.length === rows.length && next === undefined
  yield* run(
    `UPDATE replay_parts SET cursor = $1, taken = taken + $2, state = CASE WHEN $3 = 0 THEN state
         WHEN resolved + failed + returned >= taken + $2 THEN 'done' ELSE 'taken' END
       WHERE job = $4 AND mapping = $5 AND source = $6`,
    cursor,
    taken.length,
    ended ? 1 : 0,
    part.job,
    request.mapping,
    request.source,
  )
  if (part.rate !== null && taken.length > 0)
    yield* run(
      'UPDATE replay_jobs SET rate_from = $1 WHERE id = $2',
      rateFromAfter({ perSecond: part.rate, rateFrom: part.rate_from }, taken.length, now),
      part.job,
    )
  if (ended) yield* lookAtJob(room, part.job)
  else if (taken.length === 0) sooner(want, now)
  return taken
}

function* paceOf({ job, ...part }: PartRow): Work<Pace> {
  const row = yield* first<{ readonly taken: number; readonly ended: number; readonly back: number }>(
    `SELECT sum(taken) AS taken, sum(resolved + failed) AS ended, sum(returned) AS back FROM replay_parts WHERE job = $1`,
    job,
  )
  return {
    perSecond: part.rate,
    rateFrom: part.rate_from,
    concurrency: part.concurrency,
    canary: part.canary,
    taken: Number(row?.taken ?? 0),
    ended: Number(row?.ended ?? 0) + Number(row?.back ?? 0),
  }
}

/** Letters of the selection as it was frozen: open then, open still, and not yet come to. */
function* candidates(
  room: Room,
  part: PartRow,
  { mapping, source }: ClaimRequest,
  limit: number,
): Work<Walked<LeasedRow>> {
  const selection = JSON.parse(part.selection) as { readonly ids?: readonly string[]; readonly filter?: LetterFilter }
  const since = { text: 'opened_at <= ', value: part.created_at }
  if (!selection.ids)
    return yield* walk<LeasedRow>(room, {
      filter: { ...selection.filter, mapping, source, state: 'open' },
      direction: 'oldest first',
      after: part.cursor,
      to: part.mark,
      limit,
      columns: COLUMNS,
      also: [since],
    })
  const rows = yield* all<LeasedRow>(
    `SELECT ${COLUMNS} FROM dead_letters WHERE id IN ${room.database.texts('$1')} AND mapping = $2 AND source = $3
       AND state = 'open' AND opened_at <= $4 AND id > $5 ORDER BY id LIMIT $6`,
    JSON.stringify(selection.ids),
    mapping,
    source,
    part.created_at,
    part.cursor,
    limit,
  )
  return { rows, next: rows.length < limit ? undefined : rows.at(-1)?.id }
}

const LEASE = `UPDATE dead_letters SET state = 'replaying', due_at = NULL, owner = $1, lease_until = $2, job = $3,
  requested_at = $4, fence = fence + 1, claims = claims + 1 WHERE id = $5`

function* lease(
  { owner, clock }: Room,
  { job, target, created_at }: PartRow,
  { leaseMs }: ClaimRequest,
  want: Want,
  rows: readonly LeasedRow[],
): Work<readonly LeasedRow[]> {
  const taken: LeasedRow[] = []
  for (const row of rows) {
    if (want.letters <= 0 || want.bytes <= 0) break
    yield* run(LEASE, owner, clock.now() + leaseMs, job, created_at, row.id)
    want.letters -= 1
    want.bytes -= row.body_bytes
    taken.push({ ...row, job, target, created_at })
  }
  return taken
}
