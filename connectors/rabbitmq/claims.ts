/** Claims on records: what stands behind a delivery, and which verdicts can still be told to the broker. */
import type { Delivery, EventRecord, Settlement } from '../../core/contract.ts'
import type { Arrived } from './intake.ts'
import { type Place, recordOf, type Travelled, travelled } from './record.ts'
import type { Session } from './session.ts'

export interface Claim {
  readonly session: Session
  readonly tag: number
  readonly record: EventRecord
  readonly firstSeen: number
  /** What the message in the queue says. */
  readonly carried: Travelled
  state: 'open' | 'settled'
}

const CLAIM = Symbol('rabbitmq claim')
type Claimed = Delivery & { readonly [CLAIM]: Claim }

export const deliver = (place: Place, session: Session, { message, tag }: Arrived, nowMs: number): Delivery => {
  const carried = travelled(message)
  const record = recordOf(place, message, nowMs)
  const firstSeen = carried.firstSeen ?? nowMs
  const counted = priorDeliveries(message.fields.redelivered, message.properties.headers?.['x-delivery-count'])
  const delivery: Claimed = {
    record,
    lane: place.queue,
    attempts: carried.attempts,
    firstSeen,
    ...(counted === undefined ? {} : { priorDeliveries: carried.deliveries + counted }),
    lost: session.lost,
    [CLAIM]: { session, tag, record, firstSeen, carried, state: 'open' },
  }
  return delivery
}

/** Quorum queues count, and leave the count out where it is 0; classic ones only say that there was a claim before. */
export const priorDeliveries = (redelivered: boolean, count: unknown): number | undefined => {
  if (typeof count === 'number') return count
  return redelivered ? undefined : 0
}

export interface OpenVerdict {
  readonly claim: Claim
  readonly settlement: Settlement
}

/** Those that are ours, were not settled before and are not lost; they count as settled from here on. */
export const openVerdicts = (settlements: readonly Settlement[]): readonly OpenVerdict[] =>
  settlements.flatMap(settlement => {
    const claim = (settlement.delivery as Partial<Claimed>)[CLAIM]
    if (claim?.state !== 'open' || claim.session.lost.aborted) return []
    claim.state = 'settled'
    return [{ claim, settlement }]
  })

export type Step = 'ack' | 'nack' | 'again' | 'defer'

/**
 * How a verdict is told. What is given back as it came is given back in its place; a message in a queue cannot be
 * changed, so a record with more attempts than its message says is published again, and then acknowledged.
 */
export const stepOf = ({ outcome, ...verdict }: Settlement, carried: Travelled): Step => {
  if (outcome === 'accepted' || outcome === 'rejected') return 'ack'
  if (outcome === 'deferred') return 'defer'
  return 'attempts' in verdict && verdict.attempts !== carried.attempts ? 'again' : 'nack'
}
