/** Verdicts on a stream: finished offsets move the commit, and a released record takes all after it back. */
import type { Delivery, JointWrite, Settlement, Unsettled } from '../../core/contract.ts'
import { MillraceError, wrapError } from '../../core/errors.ts'
import type { Note } from './claims.ts'
import { type LaneVerdicts, settleLane } from './lanes.ts'
import { type Claim, type Lane, loseClaim, loseLane, type Owned } from './ownership.ts'
import type { Place } from './place.ts'
import { offsetRuns, type Progress } from './progress.ts'

export const CLAIM = Symbol('embedded stream claim')

export interface Claimed extends Delivery {
  readonly [CLAIM]: Claim
}

interface LaneSettlement {
  readonly lane: Lane
  readonly claims: readonly Claim[]
  readonly verdicts: LaneVerdicts
}

/** Answers with what is not settled. A stale owner settles nothing, and finds its deliveries lost. */
export const settleStream = async (
  place: Place,
  owned: Owned,
  settlements: readonly Settlement[],
): Promise<readonly Unsettled[]> => {
  const { address, number } = owned.channel
  const refused = settlements.filter(isDeferral).map(({ delivery }) => ({ delivery, error: cannotDefer(address) }))
  const byLane = verdictsByLane(settlements)
  if (byLane.length === 0) return refused
  try {
    const made = await place.database.write(() => byLane.map(each => settleLane(place.database, each.verdicts)))
    for (const [index, each] of byLane.entries()) conclude(owned, each, made[index])
  } catch (thrown) {
    const error = wrapError('SETTLE_FAILED', address, thrown)
    return [...refused, ...byLane.flatMap(each => each.claims.map(({ delivery }) => ({ delivery, error })))]
  }
  if (byLane.some(each => each.verdicts.releaseFrom !== undefined)) place.wakes.wake(number)
  return refused
}

export const jointSettle = ({ database }: Place, settlements: readonly Settlement[]): JointWrite | undefined => {
  if (settlements.some(isDeferral)) return undefined
  const byLane = verdictsByLane(settlements)
  return {
    database,
    write() {
      for (const each of byLane) settleLane(database, each.verdicts)
    },
  }
}

const isDeferral = (settlement: Settlement): boolean =>
  settlement.outcome === 'deferred' && claimOf(settlement) !== undefined

const cannotDefer = (address: string): MillraceError =>
  new MillraceError('SETTLE_FAILED', `${address}: a stream cannot defer a record; release it or wait with it`)

/** A delivery that was settled before, was lost, or is another source's, is none of ours to settle. */
const claimOf = (settlement: Settlement): Claim | undefined => {
  const claim = (settlement.delivery as Partial<Claimed>)[CLAIM]
  return claim?.open ? claim : undefined
}

const verdictsByLane = (settlements: readonly Settlement[]): readonly LaneSettlement[] => {
  const lanes = new Map<Lane, { readonly done: Claim[]; readonly back: Map<Claim, number> }>()
  for (const settlement of settlements) {
    const claim = claimOf(settlement)
    if (!claim || settlement.outcome === 'deferred') continue
    const lane = lanes.get(claim.lane) ?? { done: [], back: new Map<Claim, number>() }
    lanes.set(claim.lane, lane)
    if (settlement.outcome === 'released') lane.back.set(claim, settlement.attempts)
    else lane.done.push(claim)
  }
  return [...lanes].map(([lane, { done, back }]) => settlementOf(lane, done, back))
}

const settlementOf = (lane: Lane, done: readonly Claim[], back: ReadonlyMap<Claim, number>): LaneSettlement => {
  const offsets = done.map(claim => claim.offset).sort((a, b) => a - b)
  const releaseFrom = back.size === 0 ? undefined : Math.min(...[...back.keys()].map(claim => claim.offset))
  return {
    lane,
    claims: [...done, ...back.keys()],
    verdicts: {
      lease: lane.lease,
      finished: offsetRuns(offsets),
      releaseFrom,
      notes: notesOf(lane, done, back, releaseFrom),
    },
  }
}

/** What is known of each record that goes back, those that only follow a released one included. */
const notesOf = (
  lane: Lane,
  done: readonly Claim[],
  back: ReadonlyMap<Claim, number>,
  releaseFrom: number | undefined,
): ReadonlyMap<number, Note> => {
  const notes = new Map<number, Note>()
  if (releaseFrom === undefined) return notes
  const settled = new Set(done)
  for (const claim of lane.claims.values()) {
    if (claim.offset < releaseFrom || settled.has(claim)) continue
    const { attempts, firstSeen, priorDeliveries } = claim.delivery
    notes.set(claim.offset, { attempts: back.get(claim) ?? attempts, prior: priorDeliveries ?? 0, seen: firstSeen })
  }
  return notes
}

const conclude = (owned: Owned, { lane, claims, verdicts }: LaneSettlement, progress: Progress | undefined): void => {
  if (!progress) {
    if (owned.lanes.get(lane.lease.partition) === lane) loseLane(owned, lane.lease.partition)
    return
  }
  for (const claim of claims) {
    claim.open = false
    lane.claims.delete(claim.offset)
  }
  const from = verdicts.releaseFrom
  if (from === undefined) return
  lane.epoch += 1
  lane.position = Math.min(lane.position, from)
  for (const claim of [...lane.claims.values()]) {
    if (claim.offset < from) continue
    lane.claims.delete(claim.offset)
    loseClaim(claim)
  }
}
