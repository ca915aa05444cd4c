/**
 * The headers with which Millrace keeps, in a message, what AMQP has no place for. They are stripped on the way in. None
 * begins with `x-`: brokers interpret those, drop some that clients send (`x-death` from 4.0 on), and add their own.
 */
export const OWN = {
  /** The record's id and time, where the message's own properties are others. */
  id: 'millrace-id',
  time: 'millrace-time',
  /** A key that is not the routing key. */
  key: 'millrace-key',
  /** A record without a body; AMQP knows only empty ones. */
  tombstone: 'millrace-tombstone',
  /** How the record came first, for one that was published again to its queue. */
  exchange: 'millrace-exchange',
  routingKey: 'millrace-routing-key',
  attempts: 'millrace-attempts',
  firstSeen: 'millrace-first-seen',
  /** Claims that ended without a verdict, as the broker had counted them before the record was published again. */
  deliveries: 'millrace-deliveries',
  /** The delay queue it came through, whose marks in the broker's own headers are not the record's. */
  delayedBy: 'millrace-delayed-by',
} as const

/** Before a header or property that brokers would act upon, or that has a name of ours. */
const HEADER = 'millrace-header-'
const PROPERTY = 'millrace-property-'

/** The broker's own account of a delivery: of no use in the next one. */
export const DELIVERY_COUNTS = ['x-delivery-count', 'x-acquired-count']

/** CC and BCC are addresses: a record passed on would go there, too. */
const INTERPRETED = /^(?:CC|BCC|x-death|x-(?:first|last)-death-.*|x-delivery-count|x-acquired-count|millrace-.*)$/

/** The header's name in a message of ours. */
export const headerOut = (name: string): string => (INTERPRETED.test(name) ? `${HEADER}${name}` : name)

/** The name a header of the record has, or undefined where it is none of the record's. */
export const headerIn = (name: string): string | undefined => {
  if (name.startsWith(HEADER)) return name.slice(HEADER.length)
  return name.startsWith('millrace-') || DELIVERY_COUNTS.includes(name) ? undefined : name
}

export const propertyHeader = (name: string): string => `${PROPERTY}${name}`

/** The property's name, where this header holds one. */
export const propertyIn = (header: string): string | undefined =>
  header.startsWith(PROPERTY) ? header.slice(PROPERTY.length) : undefined
