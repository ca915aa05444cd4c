/** What this process holds of a stream: taking it, and settling it under the name by which it was taken. */
import type { Delivery, PollRequest, Settlement, Unsettled } from '../../core/contract.ts'
import { answeredWith, redisError } from './failure.ts'
import type { RedisPlace } from './place.ts'
import type { Membership, Reader } from './reader.ts'
import { type Fields, recordOfEntry, type StreamPlace } from './record.ts'
import { compareIds, remakeGroup, type StreamPart } from './stream-group.ts'
import { SETTLE, TAKE } from './stream-scripts.ts'
import type { Position } from './stream-standing.ts'

export interface Taken {
  readonly deliveries: readonly Delivery[]
  /** Milliseconds until one of those that wait is due; Infinity when none waits. */
  readonly dueInMs: number
  /** The stream's last entry, where there was nothing to take: what comes after it is new. */
  readonly lastId: string | undefined
}

export interface StreamClaims {
  /** Rejects when Redis cannot be asked; what was claimed nevertheless is given back by the next take. */
  take(request: PollRequest): Promise<Taken>
  /** As {@link Source.settle}. */
  settle(settlements: readonly Settlement[]): Promise<readonly Unsettled[]>
}

export interface StreamClaimTools {
  readonly place: RedisPlace
  readonly stream: StreamPlace
  readonly part: StreamPart
  readonly reader: Reader
  /** Releasing a record releases all that were claimed after it. */
  readonly order: 'kept' | 'none'
  readonly afterSettling: 'keep' | 'remove'
  readonly position: Position
}

/** What was sent on a connection that broke may be read by the server after what came on the next one. */
const DOUBT_MS = 20_000
/** How much of what a consumer holds is looked through at a time. */
const LOOKED_THROUGH = 1_000

const CLAIM = Symbol('redis stream claim')

interface Claim {
  readonly id: string
  readonly membership: Membership
  readonly attempts: number
  readonly firstSeen: number
  /** Aborted when it is released with another one, where order is kept. */
  readonly released: AbortController | undefined
  state: 'open' | 'settled'
}

interface Claimed extends Delivery {
  readonly [CLAIM]: Claim
}

interface Holding {
  readonly tools: StreamClaimTools
  /** What this process knows to hold, by entry id. */
  readonly held: Map<string, Claim>
  /** By the monotonic clock: until then a take without an answer may still claim something. */
  doubtfulUntilMs: number
}

export const createStreamClaims = (tools: StreamClaimTools): StreamClaims => {
  const holding: Holding = {
    tools,
    held: new Map(),
    doubtfulUntilMs: Number.NEGATIVE_INFINITY,
  }
  return {
    take: request => take(holding, request),
    settle: settlements => settle(holding, settlements),
  }
}

const NOTHING: Taken = { deliveries: [], dueInMs: Number.POSITIVE_INFINITY, lastId: undefined }

const take = async (holding: Holding, request: PollRequest): Promise<Taken> => {
  const { place, reader } = holding.tools
  try {
    const membership = await reader.joined()
    if (!membership) return NOTHING
    if (place.clock.monotonic() < holding.doubtfulUntilMs) await giveBackUnknown(holding, membership)
    return await takeAs(holding, membership, request)
  } catch (error) {
    if (!answeredWith(error, 'NOGROUP')) throw error
    await makeAnew(holding)
    return { ...NOTHING, dueInMs: 0 }
  }
}

const takeAs = async (holding: Holding, membership: Membership, request: PollRequest): Promise<Taken> => {
  const { place, stream, reader, part } = holding.tools
  const max = Math.min(request.max, request.maxPerLane)
  const answer = await runTake(holding, membership, [max, request.maxBytes])
  if (answer.length === 0) {
    holding.held.clear()
    reader.expelled(membership)
    return { ...NOTHING, dueInMs: 0 }
  }
  const [now, due, lastId, gone, ...claims] = answer as [Buffer, Buffer, Buffer, number, ...unknown[]]
  const nowMs = Number(now.toString())
  if (gone > 0)
    place.log.warn(`${stream.address}: ${gone} record(s) that waited were removed from the stream, and are lost`, {
      group: part.group,
    })
  return {
    deliveries: deliver(holding, membership, nowMs, claims),
    dueInMs: due.length > 0 ? Math.max(0, Number(due.toString()) - nowMs) : Number.POSITIVE_INFINITY,
    lastId: lastId.length > 0 ? lastId.toString() : undefined,
  }
}

const runTake = async (
  holding: Holding,
  membership: Membership,
  limits: readonly number[],
): Promise<readonly unknown[]> => {
  const { place, part } = holding.tools
  const { stream, waiting, notes, readers } = part.keys
  try {
    const answer = await place.commands.run(
      TAKE,
      [stream, waiting, notes, readers],
      [part.group, membership.id, ...limits],
    )
    return answer as readonly unknown[]
  } catch (error) {
    holding.doubtfulUntilMs = place.clock.monotonic() + DOUBT_MS
    throw error
  }
}

const deliver = (
  holding: Holding,
  membership: Membership,
  nowMs: number,
  claims: readonly unknown[],
): readonly Claimed[] => {
  const { stream, order } = holding.tools
  const deliveries: Claimed[] = []
  for (let at = 0; at + 2 < claims.length; at += 3) {
    const [id, note] = [String(claims[at]), String(claims[at + 1])]
    const [attempts = 0, firstSeen = 0, priorDeliveries = 0] = note === '' ? [0, nowMs, 0] : note.split(' ').map(Number)
    const released = order === 'kept' ? new AbortController() : undefined
    const claim: Claim = { id, membership, attempts, firstSeen, released, state: 'open' }
    holding.held.set(id, claim)
    deliveries.push({
      record: recordOfEntry(stream, id, claims[at + 2] as Fields),
      lane: stream.stream,
      attempts,
      firstSeen,
      priorDeliveries,
      lost: released ? AbortSignal.any([membership.lost.signal, released.signal]) : membership.lost.signal,
      [CLAIM]: claim,
    })
  }
  return deliveries
}

/** What Redis says we hold and we do not know of came with an answer that was lost on its way. */
const giveBackUnknown = async (holding: Holding, membership: Membership): Promise<void> => {
  const { place, part } = holding.tools
  const unknown: string[] = []
  for (let from = '-'; ; ) {
    const pending = (await place.commands.call(
      'XPENDING',
      part.keys.stream,
      part.group,
      from,
      '+',
      LOOKED_THROUGH,
      membership.id,
    )) as readonly (readonly unknown[])[]
    const ids = pending.map(([id]) => String(id))
    unknown.push(...ids.filter(id => !holding.held.has(id)))
    if (ids.length < LOOKED_THROUGH) break
    from = `(${ids.at(-1)}`
  }
  const nowMs = place.clock.now()
  const back = unknown.flatMap(id => [id, 0, 0, nowMs])
  if (back.length > 0) await runSettle(holding, membership, [0, ...back])
}

/** A group that was deleted, or lost by a failover: it begins again where all before was settled, so some may come again. */
const makeAnew = async (holding: Holding): Promise<void> => {
  const { part, place, stream, position } = holding.tools
  const begin = await remakeGroup(part, position.settledId ?? '0')
  if (begin === undefined) return
  place.log.warn(
    `${stream.address}: the group ${part.group} was gone; it is made anew and reads on after ${begin}. ` +
      'Records that were settled since may come again, and what was added before a deletion is lost',
  )
}

const settle = async (holding: Holding, settlements: readonly Settlement[]): Promise<readonly Unsettled[]> => {
  const { stream, reader } = holding.tools
  const membership = reader.current()
  const open = settlements.flatMap(settlement => {
    const claim = (settlement.delivery as Partial<Claimed>)[CLAIM]
    return claim?.state === 'open' && claim.membership === membership ? [{ settlement, claim }] : []
  })
  if (!membership || open.length === 0) return []
  const followers = followersOf(holding, open)
  const done = open.filter(({ settlement }) => isDone(settlement)).map(({ claim }) => claim.id)
  const back = [
    ...open.flatMap(({ settlement, claim }) => backOf(settlement, claim)),
    ...followers.flatMap(claim => [claim.id, claim.attempts, 0, claim.firstSeen]),
  ]
  try {
    await runSettle(holding, membership, [done.length, ...done, ...back])
  } catch (thrown) {
    if (answeredWith(thrown, 'NOGROUP')) await makeAnew(holding).catch(() => undefined)
    const error = redisError('SETTLE_FAILED', `settling records of ${stream.address}`, thrown)
    return open.map(({ settlement: { delivery } }) => ({ delivery, error }))
  }
  for (const claim of [...open.map(each => each.claim), ...followers]) {
    claim.state = 'settled'
    // What was given back may have been claimed anew while the answer was on its way.
    if (holding.held.get(claim.id) === claim) holding.held.delete(claim.id)
  }
  for (const { released } of followers) released?.abort()
  return []
}

interface OpenVerdict {
  readonly settlement: Settlement
  readonly claim: Claim
}

const isDone = ({ outcome }: Settlement): boolean => outcome === 'accepted' || outcome === 'rejected'

const backOf = (settlement: Settlement, { id, firstSeen }: Claim): readonly (string | number)[] =>
  'attempts' in settlement
    ? [id, settlement.attempts, settlement.outcome === 'deferred' ? Math.round(settlement.delayMs) : 0, firstSeen]
    : []

/** In an ordered stream: all that is claimed behind the first that goes back, and has no verdict of its own. */
const followersOf = ({ tools, held }: Holding, open: readonly OpenVerdict[]): readonly Claim[] => {
  const back = open.filter(({ settlement }) => !isDone(settlement)).map(({ claim }) => claim.id)
  if (tools.order === 'none' || back.length === 0) return []
  const first = back.reduce((one, other) => (compareIds(one, other) <= 0 ? one : other))
  const judged = new Set(open.map(({ claim }) => claim))
  return [...held.values()].filter(claim => !judged.has(claim) && compareIds(claim.id, first) > 0)
}

/** A verdict whose answer was lost is told again: what it acknowledged stays so, what it gave back is given back anew. */
const runSettle = async (
  { tools: { part, place, afterSettling, reader }, held }: Holding,
  membership: Membership,
  verdicts: readonly (string | number)[],
): Promise<void> => {
  const { stream, waiting, notes, readers } = part.keys
  const settled = await place.commands.run(
    SETTLE,
    [stream, waiting, notes, readers],
    [part.group, membership.id, afterSettling, ...verdicts],
  )
  if (settled !== 0) return
  held.clear()
  reader.expelled(membership)
}
