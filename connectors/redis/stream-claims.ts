/** What this process holds of a stream: taking it, and settling it under the name by which it was taken. */
import type { Delivery, PollRequest, Settlement, Unsettled } from '../../core/contract.ts'
import { answeredWith } from './failure.ts'
import type { Membership } from './reader.ts'
import { type Fields, recordOfEntry } from './record.ts'
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
import { TAKE } from './stream-scripts.ts'
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
  const max = Math.min(request.max, request.maxPerLane)
  const answer = await runTake(holding, membership, [max, request.maxBytes])
  if (answer.length === 0) {
    reader.expelled(membership)
    return { ...NOTHING, dueInMs: 0 }
  }
  const [now, due, lastId, gone, ...claims] = answer as [Buffer, Buffer, Buffer, number, ...unknown[]]
  const nowMs = Number(now.toString())
  warnOfGone(holding, gone)
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
  const { stream } = holding.tools
  loseSuperseded(holding, claims)
  const { lost } = holding.lane ?? laneOf(membership)
  const deliveries: Claimed[] = []
  for (let at = 0; at + 2 < claims.length; at += 3) {
    const [id, note] = [String(claims[at]), String(claims[at + 1])]
    const [attempts = 0, firstSeen = 0, priorDeliveries = 0] = note === '' ? [0, nowMs, 0] : note.split(' ').map(Number)
    const claim: Claim = { id, membership, attempts, firstSeen, lost, verdict: 'none' }
    holding.held.set(id, claim)
    deliveries.push({
      record: recordOfEntry(stream, id, claims[at + 2] as Fields),
      lane: stream.stream,
      attempts,
      firstSeen,
      priorDeliveries,
      get lost() {
        return lossOf(claim)
      },
      [CLAIM]: claim,
    })
  }
  return deliveries
}

/** What was given back though the answer was lost, or was pending in a group that is gone, and comes again: another claim. */
const loseSuperseded = (holding: Holding, claims: readonly unknown[]): void => {
  const { held } = holding
  const before = held.size
  for (let at = 0; at < claims.length; at += 3) held.delete(String(claims[at]))
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
  const back = unknown.flatMap(id => [id, 'same', 0, 0])
  if (back.length > 0) await runSettle(holding, membership, [0, ...back])
}
