/**
 * Records that are published again: with more attempts than their message says, to a delay queue, or because the broker
 * has counted so many deliveries of the message that it would drop it soon. The copy is confirmed before the original is
 * acknowledged; a crash in between leaves both, with one id.
 */
import type { ConsumeMessage } from 'amqplib'
import type { Clock } from '../../core/clock.ts'
import type { EventRecord } from '../../core/contract.ts'
import type { Log } from '../../core/log.ts'
import { type Claim, priorDeliveries } from './claims.ts'
import { type Message, sameMessage, type Travelling } from './message.ts'
import type { Publisher } from './publisher.ts'
import { type Place, recordOf, travelled } from './record.ts'

/** The record to its queue, as a reader is to find it there. */
export const againMessage = (queue: string, record: EventRecord, travelling: Travelling): Message =>
  sameMessage(record, { exchange: '', routingKey: queue }, travelling)

/** With the verdict on it a claim has ended in order: what was counted before stays evidence. */
export const travellingOf = ({ firstSeen, carried }: Claim, attempts: number): Travelling => ({
  attempts,
  firstSeen,
  deliveries: carried.deliveries,
})

/** RabbitMQ 4 drops, unless it is told otherwise, what it has delivered 20 times; policies may say less, and nobody is told. */
const UNKNOWN_LIMIT_RENEWAL = 3

/** At how many deliveries without a verdict a message is renewed. `limit`: of the queue, as far as it is known. */
export const renewalCount = (limit: number | 'unknown'): number =>
  limit === 'unknown' ? UNKNOWN_LIMIT_RENEWAL : Math.max(1, Math.ceil(limit / 2))

export interface RenewalTools {
  readonly clock: Clock
  readonly log: Log
  readonly place: Place
  readonly publisher: Publisher
  /** {@link renewalCount}. */
  readonly from: number
}

/**
 * For {@link SessionTools.renew}: undefined where the message may stay as it is; 'kept' where it could not be renewed, and
 * is better processed than left to the next crash.
 */
export const renewal =
  ({ clock, log, place, publisher, from }: RenewalTools) =>
  (message: ConsumeMessage): undefined | Promise<'done' | 'kept'> => {
    const count = priorDeliveries(message.fields.redelivered, message.properties.headers?.['x-delivery-count']) ?? 0
    if (count < from) return undefined
    const { attempts, firstSeen, deliveries } = travelled(message)
    const now = clock.now()
    const travelling = { attempts, firstSeen: firstSeen ?? now, deliveries: deliveries + count }
    const copy = againMessage(place.queue, recordOf(place, message, now), travelling)
    return publisher.publish([copy]).then(([error]) => {
      if (!error) return 'done'
      log.warn(`${place.address}: a record that the broker has delivered ${count} times could not be renewed`, {
        error,
      })
      return 'kept'
    })
  }
