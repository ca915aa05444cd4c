/** Queues and topics: the receivers of a group compete for its records, which come in order of (due, offset). */
import type { Context, Delivery, PollRequest, Settlement, Source } from '../../core/contract.ts'
import { type Due, popDue, pushDue } from './due-order.ts'
import { type MemoryChannel, type Stored, startOffset, tell } from './log.ts'
import { pollUntil } from './waiting.ts'

export interface Group {
  readonly ready: Entry[]
  /** What is claimed, and by which source. */
  readonly claims: Map<Entry, object>
}

interface Entry extends Due {
  readonly stored: Stored
  readonly attempts: number
  /** Milliseconds since the epoch; undefined: never claimed. */
  readonly firstSeen: number | undefined
}

export const createGroup = (channel: MemoryChannel, start: 'earliest' | 'latest' | number): Group => {
  const group: Group = { ready: [], claims: new Map() }
  const add = (stored: Stored): void => {
    const { due, offset } = stored
    pushDue(group.ready, { due, offset, stored, attempts: 0, firstSeen: undefined })
  }
  for (const partition of channel.partitions)
    for (const stored of partition.records) if (stored.offset >= startOffset(partition, start)) add(stored)
  channel.listeners.add(arrived => arrived && add(arrived))
  return group
}

const ENTRY = Symbol('memory claim')
const LANE = '0'

interface Claimed extends Delivery {
  readonly [ENTRY]: Entry
}

export const openCompeting = (context: Context, channel: MemoryChannel, group: Group): Source => {
  const lost = new AbortController()
  const me = {}
  let phase: 'open' | 'paused' | 'closed' = 'open'
  const take = (request: PollRequest): readonly Delivery[] => {
    if (phase !== 'open' || request.skipLanes.has(LANE)) return []
    return takeReady(group, me, request, context.clock.now()).map(entry => deliver(entry, lost.signal))
  }
  return {
    ordered: false,
    retries: 'core',
    deferStepsMs: 'any',
    poll: request =>
      pollUntil(context, channel, request, {
        take: () => take(request),
        isOpen: () => phase !== 'closed',
        nextDue: () => group.ready[0]?.due,
      }),
    async settle(settlements) {
      for (const settlement of settlements) settleOne(group, me, settlement, context.clock.now())
      if (settlements.some(({ outcome }) => outcome === 'released' || outcome === 'deferred')) tell(channel)
      return []
    },
    async pause() {
      if (phase === 'open') phase = 'paused'
    },
    async resume() {
      if (phase === 'paused') phase = 'open'
      tell(channel)
    },
    lag: async () => [lagOf(group)],
    async close() {
      if (phase === 'closed') return
      phase = 'closed'
      lost.abort()
      for (const [entry, owner] of [...group.claims]) if (owner === me) giveBack(group, entry, entry)
      tell(channel)
    },
  }
}

const takeReady = (group: Group, me: object, request: PollRequest, nowMs: number): readonly Entry[] => {
  const taken: Entry[] = []
  const max = Math.min(request.max, request.maxPerLane)
  let bytes = 0
  while (taken.length < max && bytes < request.maxBytes) {
    if ((group.ready[0]?.due ?? Number.POSITIVE_INFINITY) > nowMs) break
    const entry = popDue(group.ready)
    if (!entry) break
    const claimed = { ...entry, firstSeen: entry.firstSeen ?? nowMs }
    group.claims.set(claimed, me)
    taken.push(claimed)
    bytes += entry.stored.record.body?.length ?? 0
  }
  return taken
}

const deliver = (entry: Entry, lost: AbortSignal): Claimed => ({
  record: entry.stored.record,
  lane: LANE,
  attempts: entry.attempts,
  firstSeen: entry.firstSeen ?? entry.stored.at,
  priorDeliveries: 0,
  lost,
  [ENTRY]: entry,
})

const settleOne = (group: Group, me: object, settlement: Settlement, nowMs: number): void => {
  const entry = (settlement.delivery as Partial<Claimed>)[ENTRY]
  if (!entry || group.claims.get(entry) !== me) return
  if (settlement.outcome === 'accepted' || settlement.outcome === 'rejected') group.claims.delete(entry)
  else {
    const due = settlement.outcome === 'deferred' ? nowMs + settlement.delayMs : entry.stored.due
    giveBack(group, entry, { ...entry, attempts: settlement.attempts, due })
  }
}

/** A new entry each time, so that an old delivery of the record cannot settle a new claim. */
const giveBack = (group: Group, claimed: Entry, again: Entry): void => {
  group.claims.delete(claimed)
  pushDue(group.ready, { ...again })
}

export const lagOf = (group: Group) => {
  const times = [...group.ready, ...group.claims.keys()].map(entry => entry.stored.record.time)
  const oldest = times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY)
  return times.length === 0 ? { lane: LANE, records: 0 } : { lane: LANE, records: times.length, oldest }
}

export const backlogOf = (group: Group): number => group.ready.length + group.claims.size
