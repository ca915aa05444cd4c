/** What this process holds of a stream: taking it, and settling it under the name by which it was taken. */
import type { Delivery, EventRecord, PollRequest, Settlement, Unsettled } from '../../core/contract.ts'
import { answeredWith } from './failure.ts'
import type { Membership } from './reader.ts'
import { recordOfEntry } from './record.ts'
import {
  begin,
  CLAIM,
  type Claim,
  type Claimed,
  createHolding,
  type Holding,
  inTurn,
  laneOf,
  loseUnheld,
  lossOf,
  makeAnew,
  type StreamClaimTools,
  warnOfGone,
} from './stream-holding.ts'
import { bytesOf, type Entry, type Limits, type TakeAnswer, takeAny, takeFresh } from './stream-taking.ts'
import { isDone, runSettle, settle } from './stream-verdicts.ts'

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

/** What was sent on a connection that broke may be read by the server after what came on the next one. */
const DOUBT_MS = 20_000
/** How much of what a consumer holds is looked through at a time. */
const LOOKED_THROUGH = 1_000

export const createStreamClaims = (tools: StreamClaimTools): StreamClaims => {
  const holding = createHolding(tools)
  return {
    take: request => inTurn(holding, () => take(holding, request)),
    settle: settlements =>
      settlements.every(isDone) ? settle(holding, settlements) : inTurn(holding, () => settle(holding, settlements)),
  }
}

const NOTHING: Taken = { deliveries: [], dueInMs: Number.POSITIVE_INFINITY, lastId: undefined }

const take = async (holding: Holding, request: PollRequest): Promise<Taken> => {
  const { place, reader } = holding.tools
  try {
    const membership = await reader.joined()
    if (!membership) return NOTHING
    if (holding.lane?.membership !== membership) begin(holding, membership)
    if (place.clock.monotonic() < holding.doubtfulUntilMs) await giveBackUnknown(holding, membership)
    return await takeAs(holding, membership, request)
  } catch (error) {
    if (!answeredWith(error, 'NOGROUP')) throw error
    await makeAnew(holding)
    return { ...NOTHING, dueInMs: 0 }
  }
}

const takeAs = async (holding: Holding, membership: Membership, request: PollRequest): Promise<Taken> => {
  const { reader } = holding.tools
  const limits = { max: Math.min(request.max, request.maxPerLane), maxBytes: request.maxBytes }
  const answer = await asked(holding, membership, limits)
  if (answer === 'dead') {
    reader.expelled(membership)
    return { ...NOTHING, dueInMs: 0 }
  }
  const { nowMs, dueMs, lastId, gone, entries, tooMany } = answer
  holding.due = dueMs <= nowMs || tooMany.length > 0 ? 'perhaps' : 'no'
  if (entries.length > 0) holding.bytesEach = bytesOf(entries) / entries.length
  warnOfGone(holding, gone)
  if (tooMany.length > 0) await giveBack(holding, membership, tooMany)
  return { deliveries: deliver(holding, membership, nowMs, entries), dueInMs: Math.max(0, dueMs - nowMs), lastId }
}

/** What a take claimed without an answer is looked for by the next one. */
const asked = async (holding: Holding, membership: Membership, limits: Limits): Promise<TakeAnswer | 'dead'> => {
  try {
    const fresh = await takeFresh(holding, membership, limits)
    return fresh ?? (await takeAny(holding, membership, limits))
  } catch (error) {
    holding.doubtfulUntilMs = holding.tools.place.clock.monotonic() + DOUBT_MS
    throw error
  }
}

const deliver = (
  holding: Holding,
  membership: Membership,
  nowMs: number,
  entries: readonly Entry[],
): readonly Claimed[] => {
  const { stream } = holding.tools
  loseSuperseded(holding, entries)
  const { lost } = holding.lane ?? laneOf(membership)
  return entries.map(({ id, note, fields }) => {
    const [attempts = 0, firstSeen = 0, priorDeliveries = 0] = note === '' ? [0, nowMs, 0] : note.split(' ').map(Number)
    const claim: Claim = { id, membership, attempts, firstSeen, lost, verdict: 'none' }
    holding.held.set(id, claim)
    return new StreamDelivery(recordOfEntry(stream, id, fields), stream.stream, claim, priorDeliveries)
  })
}

/** A class for its getter: each object literal with one has a hidden class of its own, which outlives what it was made for. */
class StreamDelivery implements Claimed {
  readonly record: EventRecord
  readonly lane: string
  readonly attempts: number
  readonly firstSeen: number
  readonly priorDeliveries: number
  readonly [CLAIM]: Claim

  constructor(record: EventRecord, lane: string, claim: Claim, priorDeliveries: number) {
    this.record = record
    this.lane = lane
    this.attempts = claim.attempts
    this.firstSeen = claim.firstSeen
    this.priorDeliveries = priorDeliveries
    this[CLAIM] = claim
  }

  get lost(): AbortSignal {
    return lossOf(this[CLAIM])
  }
}

/** What was given back though the answer was lost, or was pending in a group that is gone, and comes again: another claim. */
const loseSuperseded = (holding: Holding, entries: readonly Entry[]): void => {
  const { held } = holding
  const before = held.size
  for (const { id } of entries) held.delete(id)
  if (held.size < before) loseUnheld(holding)
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
  if (unknown.length > 0) await giveBack(holding, membership, unknown)
}

/** As it came. */
const giveBack = (holding: Holding, membership: Membership, ids: readonly string[]): Promise<void> =>
  runSettle(holding, membership, [0, ...ids.flatMap(id => [id, 'same', 0, 0])])
