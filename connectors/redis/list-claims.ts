/** What this process holds of a list: taking it, and settling it under the name by which it was taken. */
import type { Delivery, PollRequest, Settlement, Unsettled } from '../../core/contract.ts'
import { type ListPlace, recordOfElement } from './element.ts'
import { redisError } from './failure.ts'
import { type Ends, type ListKeys, SETTLE, TAKE } from './list-scripts.ts'
import type { RedisPlace } from './place.ts'
import { idPrefix, type Membership, type Reader } from './reader.ts'

/** All elements of a list are one lane: no order is promised among them. */
export const LANE = '0'

export interface Taken {
  readonly deliveries: readonly Delivery[]
  /** Milliseconds until one of those that wait is due; Infinity when none waits. */
  readonly dueInMs: number
}

export interface ListClaims {
  /** Rejects when Redis cannot be asked; what was claimed nevertheless is given back by the next take. */
  take(request: PollRequest): Promise<Taken>
  /** As {@link Source.settle}. */
  settle(settlements: readonly Settlement[]): Promise<readonly Unsettled[]>
}

export interface ClaimTools {
  readonly place: RedisPlace
  readonly list: ListPlace
  readonly ends: Ends
  readonly keys: ListKeys
  readonly reader: Reader
}

/** What was sent on a connection that broke may be read by the server after what came on the next one. */
const DOUBT_MS = 20_000

const CLAIM = Symbol('redis list claim')

interface Claim {
  readonly id: string
  readonly membership: Membership
}

interface Claimed extends Delivery {
  readonly [CLAIM]: Claim
}

interface Holding {
  readonly tools: ClaimTools
  /** What this process knows to hold, by id. */
  readonly held: Map<string, Claim>
  /** By the monotonic clock: until then a take without an answer may still claim something. */
  doubtfulUntilMs: number
  nextNumber: number
}

export const createClaims = (tools: ClaimTools): ListClaims => {
  const holding: Holding = { tools, held: new Map(), doubtfulUntilMs: Number.NEGATIVE_INFINITY, nextNumber: 0 }
  return {
    take: request => take(holding, request),
    settle: settlements => settle(holding, settlements),
  }
}

const take = async (holding: Holding, request: PollRequest): Promise<Taken> => {
  const { place, reader } = holding.tools
  const membership = await reader.joined()
  if (!membership) return { deliveries: [], dueInMs: Number.POSITIVE_INFINITY }
  if (place.clock.monotonic() < holding.doubtfulUntilMs) await giveBackUnknown(holding, membership)
  const max = Math.min(request.max, request.maxPerLane)
  const first = holding.nextNumber
  // Numbers are not given twice, whether or not the answer comes.
  holding.nextNumber += max
  const [nowMs, due, ...claims] = await runTake(holding, membership, { max, maxBytes: request.maxBytes, first })
  if (nowMs === undefined) {
    expelled(holding, membership)
    return { deliveries: [], dueInMs: 0 }
  }
  const dueInMs = due && due.length > 0 ? Math.max(0, Number(due.toString()) - nowMs) : Number.POSITIVE_INFINITY
  return { deliveries: deliver(holding, membership, claims), dueInMs }
}

type TakeAnswer = readonly [nowMs?: number, due?: Buffer, ...claims: Buffer[]]

const runTake = async (
  holding: Holding,
  membership: Membership,
  { max, maxBytes, first }: { readonly max: number; readonly maxBytes: number; readonly first: number },
): Promise<TakeAnswer> => {
  const { keys, ends, place } = holding.tools
  try {
    return (await place.commands.run(
      TAKE,
      [keys.list, keys.arrived, keys.waiting, keys.records, keys.notes, keys.readers, keys.claims(membership.id)],
      [membership.id, max, maxBytes, ends.pop, idPrefix(membership), first],
    )) as TakeAnswer
  } catch (error) {
    holding.doubtfulUntilMs = place.clock.monotonic() + DOUBT_MS
    throw error
  }
}

const deliver = ({ tools, held }: Holding, membership: Membership, claims: readonly Buffer[]): readonly Claimed[] => {
  const deliveries: Claimed[] = []
  for (let at = 0; at + 2 < claims.length; at += 3) {
    const [id = '', note = '0 0 0'] = [claims[at]?.toString(), claims[at + 1]?.toString()]
    const [attempts = 0, firstSeen = 0, priorDeliveries = 0] = note.split(' ').map(Number)
    const claim: Claim = { id, membership }
    held.set(id, claim)
    deliveries.push({
      record: recordOfElement(tools.list, { id, firstSeen }, claims[at + 2] ?? new Uint8Array()),
      lane: LANE,
      attempts,
      firstSeen,
      priorDeliveries,
      lost: membership.lost.signal,
      [CLAIM]: claim,
    })
  }
  return deliveries
}

/** What Redis says we hold and we do not know of came with an answer that was lost on its way. */
const giveBackUnknown = async (holding: Holding, membership: Membership): Promise<void> => {
  const { keys, place } = holding.tools
  const members = (await place.commands.call('SMEMBERS', keys.claims(membership.id))) as readonly Buffer[]
  const unknown = members.map(each => each.toString()).filter(id => !holding.held.has(id))
  if (unknown.length > 0)
    await runSettle(
      holding,
      membership,
      unknown.flatMap(id => [id, 'same', 0]),
    )
}

const settle = async (holding: Holding, settlements: readonly Settlement[]): Promise<readonly Unsettled[]> => {
  const { list, reader } = holding.tools
  const membership = reader.current()
  const open = settlements.flatMap(settlement => {
    const claim = (settlement.delivery as Partial<Claimed>)[CLAIM]
    // One that was given back and has been claimed anew is settled, though the answer that said so was lost.
    return claim && claim.membership === membership && holding.held.get(claim.id) === claim
      ? [{ settlement, claim }]
      : []
  })
  if (!membership || open.length === 0) return []
  const verdicts = open.flatMap(({ settlement, claim }) => verdictOf(claim.id, settlement))
  try {
    await runSettle(holding, membership, verdicts)
  } catch (thrown) {
    const error = redisError('SETTLE_FAILED', `settling records of ${list.address}`, thrown)
    return open.map(({ settlement: { delivery } }) => ({ delivery, error }))
  }
  for (const { claim } of open) {
    // What was given back may have been claimed anew while the answer was on its way.
    if (holding.held.get(claim.id) === claim) holding.held.delete(claim.id)
  }
  return []
}

/** What the script is told of one record: id, attempts and delay. */
const verdictOf = (id: string, settlement: Settlement): readonly (string | number)[] => {
  if (settlement.outcome === 'accepted' || settlement.outcome === 'rejected') return [id, 'done', 0]
  return [id, settlement.attempts, settlement.outcome === 'deferred' ? Math.round(settlement.delayMs) : 0]
}

/** A verdict whose answer was lost is told again, and finds that it no longer holds the record: it was settled then. */
const runSettle = async (
  holding: Holding,
  membership: Membership,
  verdicts: readonly (string | number)[],
): Promise<void> => {
  const { keys, place } = holding.tools
  const settled = await place.commands.run(
    SETTLE,
    [keys.records, keys.notes, keys.waiting, keys.readers, keys.claims(membership.id)],
    [membership.id, ...verdicts],
  )
  if (settled === 0) expelled(holding, membership)
}

const expelled = ({ tools, held }: Holding, membership: Membership): void => {
  tools.reader.expelled(membership)
  held.clear()
}
