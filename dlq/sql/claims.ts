/** The replay's half of a store: letters leased to owners. */
import type { Lag } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import type {
  Claim,
  Claimed,
  ClaimedLetter,
  ClaimRequest,
  ClaimVerdict,
  ReplayStore,
  ReplayTarget,
} from '../replay-store.ts'
import { countEnds, failAgain, GIVEN_UP, newEnds, resolveLetter, TAKEN, type TakenRow } from './ends.ts'
import { readable } from './letter.ts'
import { isDead } from './owners.ts'
import { dropFiles, removeOld } from './removal.ts'
import { type Room, wakeWatchers } from './room.ts'
import { anyPart, type LeasedRow, takeDue } from './take.ts'
import { all, first, run, type Work } from './work.ts'

/** A process that was held up keeps its own claims for longer than others respect them. */
const OWN_GRACE_MS = 30_000

export const replaysOf = (room: Room): ReplayStore => ({
  claim: request => claim(room, request),

  async settle(verdicts) {
    const files = await room.database.write(() => applyVerdicts(room, verdicts))
    await dropFiles(room, files)
    if (verdicts.some(verdict => verdict.outcome === 'returned')) wakeWatchers(room)
  },

  settleWithin: verdicts => room.database.jointly(() => applyVerdicts(room, verdicts)),

  renew: (claims, leaseMs) =>
    room.database.claim(function* () {
      const leaseUntil = room.clock.now() + leaseMs
      const kept: Claim[] = []
      for (const claimed of claims) {
        const { id, fence } = claimed
        const held = yield* run(`UPDATE dead_letters SET lease_until = $1 WHERE ${HELD}`, leaseUntil, id, fence)
        if (held === 1) kept.push(claimed)
      }
      yield* run(
        "UPDATE replay_parts SET lease_until = $1 WHERE owner = $2 AND state <> 'done'",
        leaseUntil,
        room.owner,
      )
      return kept
    }),

  reclaim: (mapping, source) => reclaim(room, mapping, source),
  waiting: (mapping, source) => room.database.read(() => waiting(mapping, source)),
  lookMs: room.database.lookMs,
  changes: () => room.database.version() + room.watchers.changes,

  watch(wake) {
    room.watchers.wakes.add(wake)
    return () => void room.watchers.wakes.delete(wake)
  },
})

/** A claim that no later one has outdated. */
const HELD = "id = $2 AND fence = $3 AND state = 'replaying'"

/** Letters are read after the transaction: they are ours then, and large ones hold up nobody. */
const claim = async (room: Room, request: ClaimRequest): Promise<Claimed> => {
  if (!(await room.database.read(() => anyPart(request)))) return { letters: [], unreadable: [] }
  const { rows, lookAt } = await room.database.claim(() => takeDue(room, request))
  const claimed = await openLetters(room, rows)
  return { ...claimed, ...(lookAt === undefined ? {} : { lookAt }) }
}

const openLetters = async (room: Room, leased: readonly LeasedRow[]): Promise<Claimed> => {
  const letters: ClaimedLetter[] = []
  const unreadable: { id: string; error: MillraceError; claim: Claim }[] = []
  for (const row of leased) {
    const claim = { id: row.id, fence: row.fence + 1 }
    const letter = await room.database.read(() => readable(room, row.id))
    if (letter instanceof MillraceError) unreadable.push({ id: row.id, error: letter, claim })
    else if (letter)
      letters.push({
        claim,
        letter,
        job: row.job,
        target: JSON.parse(row.target) as ReplayTarget,
        replays: row.replays,
        attempts: row.replay_attempts,
        requestedAt: row.created_at,
        priorClaims: row.claims,
      })
  }
  if (unreadable.length > 0)
    await room.database.write(() =>
      applyVerdicts(
        room,
        unreadable.map(each => ({ claim: each.claim, outcome: 'rejected', message: each.error.message })),
      ),
    )
  return { letters, unreadable: unreadable.map(({ id, error }) => ({ id, error })) }
}

const RETURN = `UPDATE dead_letters SET due_at = $1, replay_attempts = $2, claims = 0, owner = NULL, lease_until = NULL
  WHERE id = $3`

/** Answers files of bodies that nobody needs any more. */
function* applyVerdicts(room: Room, verdicts: readonly ClaimVerdict[]): Work<readonly string[]> {
  const now = room.clock.now()
  room.watchers.changes += 1
  const ends = newEnds()
  const live = new Map<string, boolean>()
  for (const verdict of verdicts) {
    const { id, fence } = verdict.claim
    const row = yield* first<TakenRow>(
      `SELECT ${TAKEN} FROM dead_letters WHERE id = $1 AND fence = $2 AND state = 'replaying'`,
      id,
      fence,
    )
    if (!row) continue
    if (verdict.outcome === 'accepted') yield* resolveLetter(room, row, ends)
    else if (verdict.outcome === 'rejected') yield* failAgain(room, row, verdict.message ?? '', ends)
    else if (yield* isLive(row.job, live)) yield* run(RETURN, Math.round(now + verdict.delayMs), verdict.attempts, id)
    else {
      yield* run(`UPDATE dead_letters SET ${GIVEN_UP} WHERE id = $2`, now, id)
      ends.add(row, 'returned')
    }
  }
  yield* countEnds(room, ends)
  return yield* removeOld(room)
}

/** Whether a job still gives out letters, or will. */
function* isLive(job: string | null, known: Map<string, boolean>): Work<boolean> {
  if (job === null) return false
  const before = known.get(job)
  if (before !== undefined) return before
  const row = yield* first<{ readonly state: string }>('SELECT state FROM replay_jobs WHERE id = $1', job)
  const live = row?.state === 'running' || row?.state === 'paused'
  known.set(job, live)
  return live
}

interface HeldRow extends TakenRow {
  readonly owner: string
  readonly fence: number
  readonly lease_until: number
}

/** Claims keep their count: a letter that was claimed and never settled may have ended its host. */
const RECLAIM = `UPDATE dead_letters SET due_at = $1, owner = NULL, lease_until = NULL
  WHERE id = $2 AND fence = $3 AND state = 'replaying' AND lease_until = $4`

const reclaim = async (room: Room, mapping: string, source: string): Promise<number> => {
  const { database, clock } = room
  const leased = await database.read(() =>
    all<HeldRow>(
      `SELECT ${TAKEN}, owner, fence, lease_until FROM dead_letters
         WHERE mapping = $1 AND source = $2 AND lease_until IS NOT NULL`,
      mapping,
      source,
    ),
  )
  const free = leased.filter(holdsNoMore(room))
  if (free.length === 0) return 0
  return database.claim(function* () {
    const ends = newEnds()
    const live = new Map<string, boolean>()
    let reclaimed = 0
    for (const row of free) {
      const changed = yield* run(RECLAIM, clock.now(), row.id, row.fence, row.lease_until)
      reclaimed += changed
      if (changed === 0 || (yield* isLive(row.job, live))) continue
      yield* run(`UPDATE dead_letters SET ${GIVEN_UP} WHERE id = $2`, clock.now(), row.id)
      ends.add(row, 'returned')
    }
    yield* countEnds(room, ends)
    return reclaimed
  })
}

const holdsNoMore = ({ owner: me, clock }: Room): ((row: HeldRow) => boolean) => {
  const now = clock.now()
  const dead = new Map<string, boolean>()
  return ({ owner, lease_until }) => {
    if (owner === me) return lease_until + OWN_GRACE_MS <= now
    if (!dead.has(owner)) dead.set(owner, isDead(owner))
    return lease_until <= now || dead.get(owner) === true
  }
}

function* waiting(mapping: string, source: string): Work<Omit<Lag, 'lane'>> {
  const row = yield* first<{ readonly records: number | null }>(
    `SELECT sum(selected - resolved - failed - returned) AS records FROM replay_parts
       JOIN replay_jobs ON replay_jobs.id = replay_parts.job
       WHERE mapping = $1 AND source = $2 AND replay_parts.state <> 'done' AND replay_jobs.state IN ('running', 'paused')`,
    mapping,
    source,
  )
  return { records: Math.max(0, Number(row?.records ?? 0)) }
}
