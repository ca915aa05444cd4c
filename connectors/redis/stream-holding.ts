/** What this process knows of what it holds of a stream. */
import type { Delivery } from '../../core/contract.ts'
import type { RedisPlace } from './place.ts'
import type { Membership, Reader } from './reader.ts'
import type { StreamPlace } from './record.ts'
import { remakeGroup, type StreamPart } from './stream-group.ts'
import type { Position } from './stream-standing.ts'

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

export const CLAIM = Symbol('redis stream claim')

export interface Claim {
  readonly id: string
  readonly membership: Membership
  readonly attempts: number
  readonly firstSeen: number
  /** One for all, as one for each record would cost more than all else about it; another one when only others are lost. */
  lost: AbortSignal
  /** Whether the core has said that it is not to come again, and whether Redis has taken what was said of it. */
  verdict: 'none' | 'done' | 'taken'
}

export interface Claimed extends Delivery {
  readonly [CLAIM]: Claim
}

export interface Holding {
  readonly tools: StreamClaimTools
  /** What this process knows to hold, by entry id; all of it under one membership. */
  readonly held: Map<string, Claim>
  /** What is claimed next is lost with it. */
  lane: Lane | undefined
  /** Where order is kept: the end of all that takes and gives back so far; never rejects. */
  turn: Promise<void>
  /** By the monotonic clock: until then a take without an answer may still claim something. */
  doubtfulUntilMs: number
  /** Whether there may be something due among what waits, as far as this process knows. */
  due: 'perhaps' | 'no'
  /** What an entry weighed in the last take; undefined before. */
  bytesEach: number | undefined
}

export interface Lane {
  readonly membership: Membership
  /** Aborted when what is claimed behind a released record goes back with it, where order is kept. */
  readonly released: AbortController
  readonly lost: AbortSignal
}

export const createHolding = (tools: StreamClaimTools): Holding => ({
  tools,
  held: new Map(),
  lane: undefined,
  turn: Promise.resolve(),
  doubtfulUntilMs: Number.NEGATIVE_INFINITY,
  due: 'perhaps',
  bytesEach: undefined,
})

/** What is taken while something before it goes back would come before it: where order is kept one waits for the other. */
export const inTurn = <Value>(holding: Holding, run: () => Promise<Value>): Promise<Value> => {
  if (holding.tools.order === 'none') return run()
  const mine = holding.turn.then(run)
  const end = (): void => {}
  holding.turn = mine.then(end, end)
  return mine
}

export const laneOf = (membership: Membership): Lane => {
  const released = new AbortController()
  return { membership, released, lost: AbortSignal.any([membership.lost.signal, released.signal]) }
}

/** What was held under another membership was lost with it, and is others' by now. */
export const begin = (holding: Holding, membership: Membership): void => {
  holding.held.clear()
  holding.lane = laneOf(membership)
}

/**
 * What is settled cannot be lost with others. The signal changes only when the one before aborts: who listens to it stops
 * listening to the same one.
 */
export const lossOf = ({ lost, verdict }: Claim): AbortSignal => (lost.aborted && verdict === 'taken' ? NEVER : lost)

const NEVER = new AbortController().signal

/** What is neither held nor settled is lost; what is held has another signal from then on. Whoever listens may ask for more at once. */
export const loseUnheld = (holding: Holding): void => {
  const { lane, held } = holding
  if (!lane) return
  holding.lane = laneOf(lane.membership)
  for (const claim of held.values()) claim.lost = holding.lane.lost
  lane.released.abort()
}

/** Of what was to come again and is in the stream no more. */
export const warnOfGone = ({ tools: { place, stream, part } }: Holding, gone: number): void => {
  if (gone === 0) return
  place.log.warn(`${stream.address}: ${gone} record(s) that waited were removed from the stream, and are lost`, {
    group: part.group,
  })
}

/** A group that was deleted, or lost by a failover: it begins again where all before was settled, so some may come again. */
export const makeAnew = async (holding: Holding): Promise<void> => {
  const { part, place, stream, position } = holding.tools
  const begin = await remakeGroup(part, position.settledId ?? '0')
  if (begin === undefined) return
  place.log.warn(
    `${stream.address}: the group ${part.group} was gone; it is made anew and reads on after ${begin}. ` +
      'Records that were settled since may come again, and what was added before a deletion is lost',
  )
}
