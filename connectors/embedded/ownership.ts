/** Which partitions this source owns: takes its fair share, lets go of what is another's, takes over from the dead. */
import type { Delivery } from '../../core/contract.ts'
import { dismissOwner, freeLane, type LaneState, type Lease, lanesOf, leaseLane } from './lanes.ts'
import { type Gone, goneMembers, isMember, joinReader, membersOf } from './members.ts'
import type { Place } from './place.ts'
import { isIdle } from './progress.ts'
import { planShare, type SharePlan } from './share.ts'
import type { Channel } from './tables.ts'

/** How long a partition that another should have may wait for its records in flight. */
const LEAVE_WITHIN_MS = 30_000

/** A partition that this source owns. */
export interface Lane {
  readonly lease: Lease
  readonly name: string
  /** The offset at which reading goes on. */
  position: number
  /** Raised when records were given back: what was being claimed at that moment is not handed out. */
  epoch: number
  readonly claims: Map<number, Claim>
  /** By the clock's monotonic time; set while another is to have the partition. */
  leavingSinceMs: number | undefined
}

export interface Claim {
  readonly lane: Lane
  readonly offset: number
  readonly delivery: Delivery
  open: boolean
  /** Made when somebody asks for the signal, which most deliveries never see. */
  lost: AbortController | undefined
}

export interface Owned {
  readonly channel: Channel
  readonly reader: number
  member: number
  readonly lanes: Map<number, Lane>
}

interface Change {
  readonly freed: readonly number[]
  readonly taken: readonly { readonly lease: Lease; readonly position: number }[]
}

/** Brings ownership up to date; a transaction is only spent when something has to change. */
export const tendLanes = async (place: Place, owned: Owned): Promise<void> => {
  const { database, wakes, clock } = place
  const gone = database.read(() => goneMembers(database, wakes, owned.reader, clock.now()))
  const states = database.read(() => lanesOf(database, owned.reader))
  const plan = database.read(() => planNow(place, owned, states))
  loseStolen(owned, states)
  if (
    gone.length === 0 &&
    plan.free.length === 0 &&
    plan.take.length === 0 &&
    database.read(() => isMember(database, owned.member))
  ) {
    markLeaving(place, owned, plan)
    return
  }
  const change = await database.claim(() => rebalance(place, owned, gone))
  if (change) adopt(place, owned, change)
  else await rejoin(place, owned)
  wakes.wake(owned.channel.number)
}

const planNow = ({ database, clock }: Place, owned: Owned, states: readonly LaneState[]): SharePlan => {
  const now = clock.monotonic()
  const overdue = [...owned.lanes.values()]
    .filter(lane => lane.leavingSinceMs !== undefined && now - lane.leavingSinceMs >= LEAVE_WITHIN_MS)
    .map(lane => lane.lease.partition)
  const held = states.map(state => ({ partition: state.partition, member: state.member, idle: isIdle(state) }))
  return planShare(held, membersOf(database, owned.reader), owned.member, new Set(overdue))
}

const rebalance = (place: Place, owned: Owned, gone: readonly Gone[]): Change | undefined => {
  const { database } = place
  if (!isMember(database, owned.member)) return undefined
  for (const each of gone)
    if (isMember(database, each.member)) dismissOwner(database, owned.channel, owned.reader, each)
  const states = lanesOf(database, owned.reader)
  const plan = planNow(place, owned, states)
  const freed = states.filter(state => plan.free.includes(state.partition))
  for (const state of freed) freeLane(database, owned.reader, state, 'closed')
  const taken = states
    .filter(state => plan.take.includes(state.partition))
    .map(state => ({ lease: leaseLane(database, owned.reader, owned.member, state), position: state.committed }))
  return { freed: freed.map(state => state.partition), taken }
}

const adopt = (place: Place, owned: Owned, change: Change): void => {
  for (const partition of change.freed) loseLane(owned, partition)
  for (const { lease, position } of change.taken) {
    loseLane(owned, lease.partition)
    owned.lanes.set(lease.partition, {
      lease,
      name: String(lease.partition),
      position,
      epoch: 0,
      claims: new Map(),
      leavingSinceMs: undefined,
    })
  }
  place.log.debug(`${owned.channel.address}: owns ${owned.lanes.size} of ${owned.channel.partitions} partitions`, {
    freed: change.freed,
    taken: change.taken.map(each => each.lease.partition),
  })
}

const markLeaving = ({ clock }: Place, owned: Owned, plan: SharePlan): void => {
  for (const lane of owned.lanes.values()) {
    const leaves = plan.leave.includes(lane.lease.partition)
    lane.leavingSinceMs = leaves ? (lane.leavingSinceMs ?? clock.monotonic()) : undefined
  }
}

/** Partitions that another process took while this one was thought dead. */
const loseStolen = (owned: Owned, states: readonly LaneState[]): void => {
  const fences = new Map(states.map(state => [state.partition, state]))
  for (const { lease } of [...owned.lanes.values()]) {
    const state = fences.get(lease.partition)
    if (state?.member !== lease.member || state.fence !== lease.fence) loseLane(owned, lease.partition)
  }
}

const rejoin = async (place: Place, owned: Owned): Promise<void> => {
  const { database, clock, log } = place
  log.warn(
    `${owned.channel.address}: this reader was taken for dead and its partitions were given away; it joins again`,
  )
  loseAll(owned)
  owned.member = await database.claim(() => joinReader(database, owned.reader, clock.now()))
}

export const loseAll = (owned: Owned): void => {
  for (const partition of [...owned.lanes.keys()]) loseLane(owned, partition)
}

export const loseLane = (owned: Owned, partition: number): void => {
  const lane = owned.lanes.get(partition)
  if (!lane) return
  owned.lanes.delete(partition)
  lane.epoch += 1
  for (const claim of lane.claims.values()) loseClaim(claim)
  lane.claims.clear()
}

export const loseClaim = (claim: Claim): void => {
  claim.open = false
  claim.lost ??= new AbortController()
  claim.lost.abort()
}
