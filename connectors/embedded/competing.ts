/**
 * The source of a queue or a topic: receivers of one group compete for its records, in one process or in several.
 * What is claimed stands in the database, so nothing here has to be remembered but which deliveries are still open.
 */
import type { Delivery, Lag, PollRequest, ReadOptions, Settlement, Source } from '../../core/contract.ts'
import { type MillraceError, wrapError } from '../../core/errors.ts'
import { dismiss, peek, type Reading, settleClaims, type Taken, take, type Verdict } from './claims.ts'
import { competingLag } from './lag.ts'
import { BEAT_EVERY_MS, beat, goneMembers, isMember, joinReader } from './members.ts'
import type { Place } from './place.ts'
import { recordOf } from './record.ts'
import { openReader } from './start.ts'
import type { Channel } from './tables.ts'
import { every, pollUntil, TICK_MS } from './waiting.ts'

/** How often dead members are looked for: while nothing comes in, and while records do. */
const SWEEP_IDLE_MS = 200
const SWEEP_BUSY_MS = 1_000

const CLAIM = Symbol('embedded claim')

interface Claim {
  readonly id: number
  readonly member: number
  open: boolean
}

interface Claimed extends Delivery {
  readonly [CLAIM]: Claim
}

interface State {
  reading: Reading
  /** Aborted when all that the member claimed was given back. */
  lost: AbortController
  phase: 'open' | 'paused' | 'closing' | 'closed'
  sweptAtMs: number
}

export const openCompeting = async (place: Place, channel: Channel, read: ReadOptions): Promise<Source> => {
  const { database, wakes, clock } = place
  const reader = await openReader(database, channel, read.group, read.start)
  const member = await database.claim(() => joinReader(database, reader, clock.now()))
  const state: State = {
    reading: { channel, reader, member },
    lost: new AbortController(),
    phase: 'open',
    sweptAtMs: Number.NEGATIVE_INFINITY,
  }
  await sweep(place, state)
  const stopBeating = every(clock, BEAT_EVERY_MS, () => keepBeating(place, state))
  return {
    ordered: false,
    retries: 'core',
    deferStepsMs: 'any',
    poll: request =>
      pollUntil(place, channel, request, () => state.phase === 'open' || state.phase === 'paused', {
        attempt: () => attempt(place, state, request),
        idleMs: () => idleMs(place, state),
      }),
    settle: settlements => settle(place, state, settlements),
    settleWithin: settlements => ({ database, write: () => apply(place, state, openClaims(settlements)) }),
    async pause() {
      if (state.phase === 'open') state.phase = 'paused'
    },
    async resume() {
      if (state.phase === 'paused') state.phase = 'open'
      wakes.wake(channel.number)
    },
    lag: async (): Promise<readonly Lag[]> => database.read(() => competingLag(database, channel, reader)),
    close: () => close(place, state, stopBeating),
  }
}

/** One look at what is ready; empty when there is nothing, or nothing may be claimed now. */
const attempt = async (place: Place, state: State, request: PollRequest): Promise<readonly Delivery[]> => {
  const { database, clock } = place
  if (state.phase !== 'open' || request.skipLanes.has(LANE)) return []
  if (clock.monotonic() - state.sweptAtMs >= SWEEP_BUSY_MS) await sweep(place, state)
  if (!isReady(place, state)) {
    if (clock.monotonic() - state.sweptAtMs < SWEEP_IDLE_MS) return []
    await sweep(place, state)
    if (!isReady(place, state)) return []
  }
  const { reading } = state
  const max = Math.min(request.max, request.maxPerLane)
  const taken = await database.claim(() => take(database, reading, { ...request, max, nowMs: clock.now() }))
  if (taken) return state.phase === 'open' || state.phase === 'paused' ? taken.map(each => deliver(state, each)) : []
  await rejoin(place, state)
  return []
}

const isReady = ({ database, clock }: Place, state: State): boolean => {
  const { fresh, dueAt } = database.read(() => peek(database, state.reading.reader))
  return fresh || (dueAt !== null && dueAt <= clock.now())
}

/** How long nothing can become ready by itself in this process. */
const idleMs = ({ database, clock }: Place, state: State): number => {
  const { dueAt } = database.read(() => peek(database, state.reading.reader))
  return dueAt === null ? TICK_MS : Math.max(1, dueAt - clock.now())
}

/** All records of a queue or topic are one lane: no order is promised among them. */
export const LANE = '0'

const deliver = (state: State, taken: Taken): Claimed => ({
  record: recordOf(state.reading.channel, taken.row),
  lane: LANE,
  attempts: taken.attempts,
  firstSeen: taken.seen,
  priorDeliveries: taken.prior,
  lost: state.lost.signal,
  [CLAIM]: { id: taken.row.id, member: state.reading.member, open: true },
})

const settle = async (place: Place, state: State, settlements: readonly Settlement[]) => {
  const open = openClaims(settlements)
  if (open.length === 0) return []
  try {
    await place.database.write(() => apply(place, state, open))
  } catch (thrown) {
    const error: MillraceError = wrapError('SETTLE_FAILED', state.reading.channel.address, thrown)
    return open.map(({ settlement }) => ({ delivery: settlement.delivery, error }))
  }
  for (const { claim } of open) claim.open = false
  if (open.some(({ verdict }) => verdict.outcome === 'back')) place.wakes.wake(state.reading.channel.number)
  return []
}

interface OpenClaim {
  readonly settlement: Settlement
  readonly claim: Claim
  readonly verdict: Verdict
}

/** In ascending order. A delivery that was settled before, or is another source's, is none of ours to settle. */
const openClaims = (settlements: readonly Settlement[]): readonly OpenClaim[] => {
  const open: OpenClaim[] = []
  let sorted = true
  let last = -1
  for (const settlement of settlements) {
    const claim = (settlement.delivery as Partial<Claimed>)[CLAIM]
    if (!claim?.open) continue
    open.push({ settlement, claim, verdict: verdictOf(claim.id, settlement) })
    sorted &&= claim.id > last
    last = claim.id
  }
  return sorted ? open : open.sort((a, b) => a.claim.id - b.claim.id)
}

const verdictOf = (id: number, settlement: Settlement): Verdict => {
  if (settlement.outcome === 'accepted' || settlement.outcome === 'rejected')
    return { id, outcome: 'done', attempts: 0, delayMs: 0 }
  const delayMs = settlement.outcome === 'deferred' ? settlement.delayMs : 0
  return { id, outcome: 'back', attempts: settlement.attempts, delayMs }
}

/** Claims of an earlier membership were given back when it ended. */
const apply = ({ database, clock }: Place, state: State, open: readonly OpenClaim[]): void => {
  const mine = open.filter(each => each.claim.member === state.reading.member).map(each => each.verdict)
  settleClaims(database, state.reading, mine, clock.now())
}

/** Gives free what dead members held; costs no transaction when there are none. */
const sweep = async (place: Place, state: State): Promise<void> => {
  const { database, wakes, clock } = place
  const { channel, reader } = state.reading
  state.sweptAtMs = clock.monotonic()
  const gone = database.read(() => goneMembers(database, wakes, reader, clock.now()))
  if (gone.length === 0) return
  await database.claim(() => {
    for (const each of gone) if (isMember(database, each.member)) dismiss(database, channel, reader, each)
  })
  place.log.info(`${channel.address}: took over what ${gone.length} ended reader(s) had claimed`, { gone })
  wakes.wake(channel.number)
}

/** This member was taken for dead (its machine slept): what it had claimed is another's, and it starts anew. */
const rejoin = async (place: Place, state: State): Promise<void> => {
  const { channel, reader } = state.reading
  place.log.warn(`${channel.address}: this reader was taken for dead and its claims were given away; it joins again`)
  const member = await place.database.claim(() => joinReader(place.database, reader, place.clock.now()))
  state.lost.abort()
  state.lost = new AbortController()
  state.reading = { channel, reader, member }
}

const keepBeating = async (place: Place, state: State): Promise<void> => {
  const { database, clock, log } = place
  const { member, channel } = state.reading
  try {
    await database.claim(() => beat(database, member, clock.now()))
  } catch (error) {
    log.warn(`${channel.address}: could not renew the lease of this reader`, { error })
  }
}

const close = async (place: Place, state: State, stopBeating: () => void): Promise<void> => {
  const { database, wakes } = place
  const { channel, reader, member } = state.reading
  if (state.phase === 'closed') return
  state.phase = 'closing'
  stopBeating()
  state.lost.abort()
  await wakes.retire(channel.number, member, () =>
    database.claim(() => dismiss(database, channel, reader, { member, how: 'closed' })),
  )
  state.phase = 'closed'
  wakes.wake(channel.number)
}
