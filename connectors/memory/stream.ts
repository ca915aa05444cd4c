/** Streams: each partition has one owner in a group, who reads it in order; releasing one record releases all after it. */
import type { Context, Delivery, Lag, PollRequest, Settlement, Source, Unsettled } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import { endOf, type MemoryChannel, type Partition, type Stored, startOffset, tell } from './log.ts'
import { pollUntil } from './waiting.ts'

export interface StreamGroup {
  readonly members: object[]
  readonly lanes: readonly Lane[]
}

interface Lane {
  readonly name: string
  readonly partition: Partition
  owner: object | undefined
  /** The offset at which reading goes on. */
  position: number
  readonly claims: Map<number, Claim>
  /** What is known of records that were given back. */
  readonly notes: Map<number, { readonly attempts: number; readonly firstSeen: number }>
  /** Finished although an earlier one is to come again. */
  readonly finished: Set<number>
}

interface Claim {
  readonly lane: Lane
  readonly stored: Stored
  readonly delivery: Delivery
  readonly lost: AbortController
}

export const createStreamGroup = (channel: MemoryChannel, start: 'earliest' | 'latest' | number): StreamGroup => ({
  members: [],
  lanes: channel.partitions.map((partition, index) => ({
    name: String(index),
    partition,
    owner: undefined,
    position: startOffset(partition, start),
    claims: new Map(),
    notes: new Map(),
    finished: new Set(),
  })),
})

const CLAIM = Symbol('memory stream claim')

interface Claimed extends Delivery {
  readonly [CLAIM]: Claim
}

export const openStream = (context: Context, channel: MemoryChannel, group: StreamGroup): Source => {
  const me = {}
  let phase: 'open' | 'paused' | 'closed' = 'open'
  let turn = 0
  group.members.push(me)
  const take = (request: PollRequest): readonly Delivery[] => {
    share(group)
    if (phase !== 'open') return []
    turn += 1
    return takeLanes(context, channel, group, me, request, turn)
  }
  return {
    ordered: true,
    retries: 'core',
    deferStepsMs: [],
    poll: request =>
      pollUntil(context, channel, request, {
        take: () => take(request),
        isOpen: () => phase !== 'closed',
        nextDue: () => undefined,
      }),
    async settle(settlements) {
      const refused = settleAll(channel, me, settlements)
      tell(channel)
      return refused
    },
    async pause() {
      if (phase === 'open') phase = 'paused'
    },
    async resume() {
      if (phase === 'paused') phase = 'open'
      tell(channel)
    },
    lag: async () => group.lanes.map(lagOf),
    async close() {
      if (phase === 'closed') return
      phase = 'closed'
      group.members.splice(group.members.indexOf(me), 1)
      for (const lane of group.lanes) if (lane.owner === me) leave(lane)
      tell(channel)
    },
  }
}

/** A partition changes hands only while nothing of it is in flight. */
const share = ({ members, lanes }: StreamGroup): void => {
  for (const [index, lane] of lanes.entries())
    if (lane.claims.size === 0) lane.owner = members[index % Math.max(1, members.length)]
}

const isLeaving = ({ members, lanes }: StreamGroup, lane: Lane): boolean =>
  lane.owner !== members[lanes.indexOf(lane) % members.length]

const leave = (lane: Lane): void => {
  takeBack(lane, Math.min(lane.position, ...lane.claims.keys()), new Map())
  lane.owner = undefined
}

const takeLanes = (
  context: Context,
  channel: MemoryChannel,
  group: StreamGroup,
  me: object,
  request: PollRequest,
  turn: number,
): readonly Delivery[] => {
  const mine = group.lanes.filter(
    lane => lane.owner === me && !isLeaving(group, lane) && !request.skipLanes.has(lane.name),
  )
  const first = turn % Math.max(1, mine.length)
  const taken: Delivery[] = []
  let bytes = 0
  for (const lane of [...mine.slice(first), ...mine.slice(0, first)]) {
    logGap(context, channel, lane)
    for (let count = 0; count < request.maxPerLane; ) {
      const stored = lane.partition.records[lane.position - lane.partition.first]
      if (!stored || taken.length >= request.max || bytes >= request.maxBytes) break
      lane.position += 1
      if (lane.finished.delete(stored.offset)) continue
      taken.push(claim(lane, stored, context.clock.now()))
      bytes += stored.record.body?.length ?? 0
      count += 1
    }
  }
  return taken
}

const logGap = (context: Context, { ref }: MemoryChannel, lane: Lane): void => {
  const records = lane.partition.first - lane.position
  if (records <= 0) return
  context.log.warn(
    `${ref.address}: ${records} record(s) of partition ${lane.name} were deleted before they were read`,
    {
      lane: lane.name,
      records,
    },
  )
  lane.position = lane.partition.first
}

const claim = (lane: Lane, stored: Stored, nowMs: number): Delivery => {
  const note = lane.notes.get(stored.offset)
  const lost = new AbortController()
  const delivery: Claimed = {
    record: stored.record,
    lane: lane.name,
    attempts: note?.attempts ?? 0,
    firstSeen: note?.firstSeen ?? nowMs,
    priorDeliveries: 0,
    lost: lost.signal,
    get [CLAIM]() {
      return claimed
    },
  }
  const claimed: Claim = { lane, stored, delivery, lost }
  lane.claims.set(stored.offset, claimed)
  return delivery
}

const settleAll = (channel: MemoryChannel, me: object, settlements: readonly Settlement[]): readonly Unsettled[] => {
  const refused: Unsettled[] = []
  const released = new Map<Lane, Map<number, number>>()
  for (const settlement of settlements) {
    const claimed = (settlement.delivery as Partial<Claimed>)[CLAIM]
    if (!claimed || claimed.lane.owner !== me || claimed.lane.claims.get(claimed.stored.offset) !== claimed) continue
    const { lane, stored } = claimed
    if (settlement.outcome === 'deferred') refused.push({ delivery: settlement.delivery, error: cannotDefer(channel) })
    else if (settlement.outcome === 'released')
      released.set(lane, (released.get(lane) ?? new Map<number, number>()).set(stored.offset, settlement.attempts))
    else finish(lane, stored.offset)
  }
  for (const [lane, attempts] of released) takeBack(lane, Math.min(...attempts.keys()), attempts)
  return refused
}

const cannotDefer = ({ ref }: MemoryChannel): MillraceError =>
  new MillraceError('SETTLE_FAILED', `${ref.address}: a stream cannot defer a record; release it or wait with it`)

/** Remembered as finished only while reading may come back to it. */
const finish = (lane: Lane, offset: number): void => {
  lane.claims.delete(offset)
  lane.notes.delete(offset)
  lane.finished.add(offset)
  const earliest = Math.min(lane.position, ...lane.claims.keys())
  for (const done of lane.finished) if (done < earliest) lane.finished.delete(done)
}

/** Reading goes on at `from`; what was claimed after it is lost, and comes again with what is known of it. */
const takeBack = (lane: Lane, from: number, attempts: ReadonlyMap<number, number>): void => {
  for (const [offset, { delivery, lost }] of [...lane.claims]) {
    if (offset < from) continue
    lane.claims.delete(offset)
    lane.notes.set(offset, { attempts: attempts.get(offset) ?? delivery.attempts, firstSeen: delivery.firstSeen })
    if (!attempts.has(offset)) lost.abort()
  }
  lane.position = Math.min(lane.position, from)
}

const unsettled = (lane: Lane): readonly Stored[] => {
  const from = Math.min(lane.position, ...lane.claims.keys())
  return lane.partition.records.filter(({ offset }) => offset >= from && !lane.finished.has(offset))
}

const lagOf = (lane: Lane): Lag => {
  const open = unsettled(lane)
  return open[0]
    ? { lane: lane.name, records: open.length, oldest: open[0].record.time }
    : { lane: lane.name, records: 0 }
}

export const backlogOf = (group: StreamGroup): number =>
  group.lanes.reduce((sum, lane) => {
    const from = Math.max(lane.partition.first, Math.min(lane.position, ...lane.claims.keys()))
    return sum + endOf(lane.partition) - from - lane.finished.size
  }, 0)
