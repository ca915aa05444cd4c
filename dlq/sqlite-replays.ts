/** The replay's half of the SQLite store: letters leased to owners. */
import type { Lag } from '../core/contract.ts'
import { MillraceError } from '../core/errors.ts'
import { isAlive, ownerFromText } from '../core/owner.ts'
import { readLetter } from './sqlite-operators.ts'
import { dataVersion, type Room, read, rows, wakeWatchers } from './sqlite-room.ts'
import { OPEN_AGAIN } from './sqlite-schema.ts'
import type { Claim, Claimed, ClaimedLetter, ClaimRequest, ClaimVerdict, ReplayStore } from './store.ts'

/** Resolved letters can still be shown for this long. */
const KEEP_RESOLVED_MS = 7 * 24 * 3_600_000
/** Each write that resolves letters removes at most this many old ones, so that it stays short. */
const REMOVE_AT_ONCE = 200
/** A process that was held up keeps its own claims for longer than others respect them. */
const OWN_GRACE_MS = 30_000

export const replaysOf = (room: Room): ReplayStore => ({
  claim: request => claim(room, request),

  async settle(verdicts) {
    await room.database.write(() => applyVerdicts(room, verdicts))
    if (verdicts.some(verdict => verdict.outcome === 'returned')) wakeWatchers(room)
  },

  settleWithin: verdicts => ({ database: room.database, write: () => applyVerdicts(room, verdicts) }),

  renew: (claims, leaseMs) =>
    room.database.claim(() => {
      const leaseUntil = room.clock.now() + leaseMs
      return claims.filter(
        ({ id, fence }) =>
          room.database.sql(`UPDATE dead_letters SET lease_until = ? WHERE ${HELD}`).run(leaseUntil, id, fence)
            .changes === 1,
      )
    }),

  reclaim: (mapping, source) => reclaim(room, mapping, source),

  nextDue: (mapping, source) =>
    read(room, () => {
      const { due } = room.database
        .sql('SELECT min(due_at) AS due FROM dead_letters WHERE mapping = ? AND source = ? AND due_at IS NOT NULL')
        .get(mapping, source) as { readonly due: number | null }
      return due ?? undefined
    }),

  waiting: (mapping, source) => read(room, () => waiting(room, mapping, source)),

  changes: () => dataVersion(room.database) + room.watchers.changes,

  watch(wake) {
    room.watchers.wakes.add(wake)
    return () => void room.watchers.wakes.delete(wake)
  },
})

/** A claim that no later one has outdated. */
const HELD = "id = ? AND fence = ? AND state = 'replaying'"

interface DueRow {
  readonly id: string
  readonly body_bytes: number
  readonly fence: number
  readonly claims: number
  readonly replay_attempts: number
  readonly requested_at: number
}

const DUE = `SELECT id, body_bytes, fence, claims, replay_attempts, requested_at FROM dead_letters
  WHERE mapping = ? AND source = ? AND due_at <= ? ORDER BY due_at, id LIMIT ?`

const LEASE = `UPDATE dead_letters SET state = 'replaying', due_at = NULL, owner = ?, lease_until = ?,
  fence = fence + 1, claims = claims + 1 WHERE id = ?`

/** Letters are read after the transaction: they are ours then, and large ones hold up nobody. */
const claim = async (room: Room, { mapping, source, max, maxBytes, leaseMs }: ClaimRequest): Promise<Claimed> => {
  const { database, clock } = room
  const due = (): readonly DueRow[] =>
    withinBytes(rows<DueRow>(database.sql(DUE).all(mapping, source, clock.now(), max)), maxBytes)
  if ((await read(room, due)).length === 0) return { letters: [], unreadable: [] }
  const leased = await database.claim(() => {
    const taken = due()
    for (const { id } of taken) database.sql(LEASE).run(room.owner, clock.now() + leaseMs, id)
    return taken
  })
  return openLetters(room, leased)
}

const withinBytes = (due: readonly DueRow[], maxBytes: number): readonly DueRow[] => {
  let bytes = 0
  const end = due.findIndex(row => {
    const full = bytes >= maxBytes
    bytes += row.body_bytes
    return full
  })
  return end < 0 ? due : due.slice(0, Math.max(end, 1))
}

const openLetters = async (room: Room, leased: readonly DueRow[]): Promise<Claimed> => {
  const letters: ClaimedLetter[] = []
  const unreadable: { id: string; error: MillraceError; claim: Claim }[] = []
  for (const row of leased) {
    const claim = { id: row.id, fence: row.fence + 1 }
    const letter = await read(room, () => readLetter(room, row.id)).catch(asUnreadable)
    if (letter instanceof MillraceError) unreadable.push({ id: row.id, error: letter, claim })
    else
      letters.push({
        claim,
        letter,
        attempts: row.replay_attempts,
        requestedAt: row.requested_at,
        priorClaims: row.claims,
      })
  }
  if (unreadable.length > 0)
    await room.database.write(() =>
      applyVerdicts(
        room,
        unreadable.map(each => ({ claim: each.claim, outcome: 'rejected' })),
      ),
    )
  return { letters, unreadable: unreadable.map(({ id, error }) => ({ id, error })) }
}

const asUnreadable = (error: unknown): MillraceError => {
  if (error instanceof MillraceError && error.code === 'DEAD_LETTER_UNREADABLE') return error
  throw error
}

const RESOLVE = `UPDATE dead_letters SET state = 'resolved', resolved_at = ?, parked_id = NULL, owner = NULL,
  lease_until = NULL WHERE ${HELD}`

const RETURN = `UPDATE dead_letters SET state = 'requested', due_at = ?, replay_attempts = ?, claims = 0,
  owner = NULL, lease_until = NULL WHERE ${HELD}`

const applyVerdicts = ({ database, clock, watchers }: Room, verdicts: readonly ClaimVerdict[]): void => {
  const now = clock.now()
  watchers.changes += 1
  for (const verdict of verdicts) {
    const { id, fence } = verdict.claim
    if (verdict.outcome === 'accepted') database.sql(RESOLVE).run(now, id, fence)
    else if (verdict.outcome === 'rejected')
      database.sql(`UPDATE dead_letters SET ${OPEN_AGAIN} WHERE ${HELD}`).run(id, fence)
    else database.sql(RETURN).run(now + verdict.delayMs, verdict.attempts, id, fence)
  }
  if (verdicts.some(verdict => verdict.outcome === 'accepted'))
    database
      .sql(
        `DELETE FROM dead_letters WHERE id IN
           (SELECT id FROM dead_letters WHERE state = 'resolved' AND resolved_at < ? LIMIT ?)`,
      )
      .run(now - KEEP_RESOLVED_MS, REMOVE_AT_ONCE)
}

interface LeasedRow {
  readonly id: string
  readonly owner: string
  readonly fence: number
  readonly lease_until: number
}

/** Claims keep their count: a letter that was claimed and never settled may have ended its host. */
const RECLAIM = `UPDATE dead_letters SET state = 'requested', due_at = ?, owner = NULL, lease_until = NULL
  WHERE ${HELD} AND lease_until = ?`

const reclaim = async (room: Room, mapping: string, source: string): Promise<number> => {
  const { database, clock } = room
  const leased = await read(room, () =>
    rows<LeasedRow>(
      database
        .sql(
          `SELECT id, owner, fence, lease_until FROM dead_letters
           WHERE mapping = ? AND source = ? AND lease_until IS NOT NULL`,
        )
        .all(mapping, source),
    ),
  )
  const free = leased.filter(holdsNoMore(room))
  if (free.length === 0) return 0
  return database.claim(() => {
    let reclaimed = 0
    for (const { id, fence, lease_until } of free)
      reclaimed += Number(database.sql(RECLAIM).run(clock.now(), id, fence, lease_until).changes)
    return reclaimed
  })
}

const holdsNoMore = ({ owner: me, clock }: Room): ((row: LeasedRow) => boolean) => {
  const now = clock.now()
  const dead = new Map<string, boolean>()
  return ({ owner, lease_until }) => {
    if (owner === me) return lease_until + OWN_GRACE_MS <= now
    if (!dead.has(owner)) dead.set(owner, isDead(owner))
    return lease_until <= now || dead.get(owner) === true
  }
}

const isDead = (text: string): boolean => {
  const owner = ownerFromText(text)
  return owner !== undefined && !isAlive(owner)
}

const waiting = ({ database }: Room, mapping: string, source: string): Omit<Lag, 'lane'> => {
  const { records, oldest } = database
    .sql(
      `SELECT count(*) AS records, min(record_time) AS oldest FROM dead_letters
       WHERE mapping = ? AND source = ? AND state IN ('requested', 'replaying')`,
    )
    .get(mapping, source) as { readonly records: number; readonly oldest: number | null }
  return { records, ...(oldest === null ? {} : { oldest }) }
}
