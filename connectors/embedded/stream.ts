/**
 * The source of a stream: it owns some of the partitions alone and reads each in order. How far the group has come
 * stands in the partition's row; in memory is only what was handed out.
 */
import type { Delivery, EventRecord, PollRequest, ReadOptions, Source } from '../../core/contract.ts'
import { streamLag } from './lag.ts'
import { dismissOwner, type LaneTaken, takeLane } from './lanes.ts'
import { BEAT_EVERY_MS, beat, joinReader } from './members.ts'
import { type Claim, type Lane, loseAll, loseLane, type Owned, tendLanes } from './ownership.ts'
import type { Place } from './place.ts'
import { recordOf } from './record.ts'
import { openReader } from './start.ts'
import { CLAIM, type Claimed, jointSettle, settleStream } from './stream-settle.ts'
import type { Channel } from './tables.ts'
import { every, pollUntil, TICK_MS } from './waiting.ts'

/** How often ownership is looked after: while nothing comes in, and while records do. */
const TEND_IDLE_MS = 200
const TEND_BUSY_MS = 1_000

interface State extends Owned {
  phase: 'open' | 'paused' | 'closing' | 'closed'
  tendedAtMs: number
  /** The partition to begin with, so that all come first in turn. */
  turn: number
  /** Polls claim one after the other: two at once would read on at the same offset. */
  claiming: Promise<unknown>
}

export const openStream = async (place: Place, channel: Channel, read: ReadOptions): Promise<Source> => {
  const { database, wakes, clock } = place
  const reader = await openReader(database, channel, read.group, read.start)
  const member = await database.claim(() => joinReader(database, reader, clock.now()))
  const state: State = {
    channel,
    reader,
    member,
    lanes: new Map(),
    phase: 'open',
    tendedAtMs: Number.NEGATIVE_INFINITY,
    turn: 0,
    claiming: Promise.resolve(),
  }
  await tend(place, state)
  const stopBeating = every(clock, BEAT_EVERY_MS, () => keepBeating(place, state))
  return {
    ordered: true,
    retries: 'core',
    deferStepsMs: [],
    poll: request =>
      pollUntil(place, channel, request, () => state.phase === 'open' || state.phase === 'paused', {
        attempt: () => attempt(place, state, request),
        idleMs: () => TICK_MS,
      }),
    settle: settlements => settleStream(place, state, settlements),
    settleWithin: settlements => jointSettle(place, settlements),
    async pause() {
      if (state.phase === 'open') state.phase = 'paused'
    },
    async resume() {
      if (state.phase === 'paused') state.phase = 'open'
      wakes.wake(channel.number)
    },
    lag: async () => database.read(() => streamLag(database, channel, reader)),
    close: () => close(place, state, stopBeating),
  }
}

const attempt = async (place: Place, state: State, request: PollRequest): Promise<readonly Delivery[]> => {
  const { clock } = place
  if (clock.monotonic() - state.tendedAtMs >= TEND_BUSY_MS) await tend(place, state)
  const deliveries = await claim(place, state, request)
  if (deliveries.length > 0 || clock.monotonic() - state.tendedAtMs < TEND_IDLE_MS) return deliveries
  await tend(place, state)
  return claim(place, state, request)
}

const tend = async (place: Place, state: State): Promise<void> => {
  if (state.phase !== 'open' && state.phase !== 'paused') return
  state.tendedAtMs = place.clock.monotonic()
  await tendLanes(place, state)
}

const claim = (place: Place, state: State, request: PollRequest): Promise<readonly Delivery[]> => {
  const turn = state.claiming.then(() => claimNext(place, state, request))
  state.claiming = turn.catch(() => [])
  return turn
}

interface LaneResult {
  readonly lane: Lane
  readonly epoch: number
  readonly taken: LaneTaken | undefined
}

const claimNext = async (place: Place, state: State, request: PollRequest): Promise<readonly Delivery[]> => {
  if (state.phase !== 'open') return []
  const lanes = lanesWithMore(place, state, request.skipLanes)
  if (lanes.length === 0) return []
  state.turn += 1
  const results = await place.database.claim(() => takeLanes(place, state, lanes, request))
  return results.flatMap(result => handOut(place, state, result))
}

const lanesWithMore = ({ database }: Place, state: State, skip: ReadonlySet<string>): readonly Lane[] => {
  const ends = database.read(() =>
    database.sql('SELECT partition, next FROM embedded_logs WHERE channel = ?').all(state.channel.number),
  ) as unknown as readonly { readonly partition: number; readonly next: number }[]
  const lanes = ends.flatMap(({ partition, next }) => {
    const lane = state.lanes.get(partition)
    return lane && lane.position < next && lane.leavingSinceMs === undefined && !skip.has(lane.name) ? [lane] : []
  })
  const first = lanes.length === 0 ? 0 : state.turn % lanes.length
  return [...lanes.slice(first), ...lanes.slice(0, first)]
}

/** Runs inside a transaction; what it changes in memory is left to {@link handOut}. */
const takeLanes = (place: Place, state: State, lanes: readonly Lane[], request: PollRequest): readonly LaneResult[] => {
  const results: LaneResult[] = []
  let [left, leftBytes] = [request.max, request.maxBytes]
  for (const lane of lanes) {
    if (left <= 0 || leftBytes <= 0) break
    const want = {
      position: lane.position,
      max: Math.min(left, request.maxPerLane),
      maxBytes: leftBytes,
      nowMs: place.clock.now(),
    }
    const taken = takeLane(place.database, state.channel, lane.lease, want)
    left -= taken?.rows.length ?? 0
    leftBytes -= taken?.bytes ?? 0
    results.push({ lane, epoch: lane.epoch, taken })
  }
  return results
}

const handOut = (place: Place, state: State, { lane, epoch, taken }: LaneResult): readonly Delivery[] => {
  if (lane.epoch !== epoch) return []
  if (!taken) {
    loseLane(state, lane.lease.partition)
    return []
  }
  if (taken.gap > 0) logGap(place, state, lane, taken)
  lane.position = taken.position
  for (const offset of lane.claims.keys()) if (offset < taken.committed) lane.claims.delete(offset)
  return taken.rows.map(row => deliver(state, lane, row))
}

/** Promise 11: a vanished position resumes at the earliest there is, and says how much was missed. */
const logGap = (place: Place, state: State, lane: Lane, taken: LaneTaken): void =>
  place.log.warn(
    `${state.channel.address}: ${taken.gap} record(s) of partition ${lane.name} were deleted by retention before this group read them`,
    { lane: lane.name, records: taken.gap, resumedAt: taken.position - taken.rows.length },
  )

const deliver = (state: State, lane: Lane, { offset, row, note }: LaneTaken['rows'][number]): Delivery => {
  const delivery = new LaneDelivery(recordOf(state.channel, row), lane, offset, note)
  lane.claims.set(offset, delivery[CLAIM])
  return delivery
}

/** A class for its getter: each object literal with one has a hidden class of its own, which outlives what it was made for. */
class LaneDelivery implements Claimed {
  readonly record: EventRecord
  readonly lane: string
  readonly attempts: number
  readonly firstSeen: number
  readonly priorDeliveries: number
  readonly [CLAIM]: Claim

  constructor(record: EventRecord, lane: Lane, offset: number, note: LaneTaken['rows'][number]['note']) {
    this.record = record
    this.lane = lane.name
    this.attempts = note.attempts
    this.firstSeen = note.seen
    this.priorDeliveries = note.prior
    this[CLAIM] = { lane, offset, delivery: this, open: true, lost: undefined }
  }

  /** Few are ever asked for it; a controller is dear. */
  get lost(): AbortSignal {
    this[CLAIM].lost ??= new AbortController()
    return this[CLAIM].lost.signal
  }
}

const keepBeating = async (place: Place, state: State): Promise<void> => {
  const { database, clock, log } = place
  try {
    await database.claim(() => beat(database, state.member, clock.now()))
  } catch (error) {
    log.warn(`${state.channel.address}: could not renew the lease of this reader`, { error })
  }
}

const close = async (place: Place, state: State, stopBeating: () => void): Promise<void> => {
  const { database, wakes } = place
  const { channel, reader, member } = state
  if (state.phase === 'closed') return
  state.phase = 'closing'
  stopBeating()
  loseAll(state)
  await wakes.retire(channel.number, member, () =>
    database.claim(() => dismissOwner(database, channel, reader, { member, how: 'closed' })),
  )
  state.phase = 'closed'
  wakes.wake(channel.number)
}
