/** What RabbitMQ delivered, as a record. What goes the other way is in `message.ts`. */
import type { ConsumeMessage } from 'amqplib'
import type { EventRecord, Header, HeaderValue } from '../../core/contract.ts'
import { headerIn, OWN, propertyIn } from './own.ts'
import { LAST_SECOND, valueIn } from './values.ts'

export interface Place {
  readonly queue: string
  /** `connection/channel`. */
  readonly address: string
  readonly messageId: 'unique' | 'ignored'
}

/** What a message published again to its queue brought back. */
export interface Travelled {
  readonly attempts: number
  /** Milliseconds since the epoch; undefined where the message was never published again. */
  readonly firstSeen: number | undefined
  /** Claims that ended without a verdict, before it was published again. */
  readonly deliveries: number
}

/**
 * The id is the one Millrace gave the message, or its `message-id`, which is for that: stable. A message without either
 * has no name and no place of its own in RabbitMQ; its id names this delivery, and is weak. `now` is the time of a
 * message that brings none.
 */
export const recordOf = (place: Place, message: ConsumeMessage, now: number): EventRecord => {
  const raw = rawHeaders(message)
  const properties = propertiesOf(message, raw)
  const from = cameBy(message, raw)
  return {
    ...identity(place, message, raw),
    source: place.address,
    time: timeOf(message, raw) ?? now,
    key: keyIn(raw) ?? keyBy(from),
    headers: headersOf(raw),
    properties,
    body: raw[OWN.tombstone] === true ? null : plainBytes(message.content),
    position: { queue: place.queue, ...from },
  }
}

export const travelled = (message: ConsumeMessage): Travelled => {
  const raw = rawHeaders(message)
  return {
    attempts: countIn(raw[OWN.attempts]) ?? 0,
    firstSeen: countIn(raw[OWN.firstSeen]),
    deliveries: countIn(raw[OWN.deliveries]) ?? 0,
  }
}

/** The exchange and routing key with which a record came. */
export interface CameBy {
  readonly exchange: string
  readonly routingKey: string
}

/** The routing key is the record's key, except at the default exchange, where it is the queue's name. */
export const keyBy = ({ exchange, routingKey }: CameBy): string | null =>
  exchange === '' || routingKey === '' ? null : routingKey

type Raw = Readonly<Record<string, unknown>>

const rawHeaders = (message: ConsumeMessage): Raw => message.properties.headers ?? NO_HEADERS

const NO_HEADERS: Raw = Object.freeze({})

const identity = (
  { messageId: trust }: Place,
  { properties: { messageId }, fields: { consumerTag, deliveryTag } }: ConsumeMessage,
  raw: Raw,
): Pick<EventRecord, 'id' | 'idStrength'> => {
  const given = raw[OWN.id] ?? (trust === 'unique' ? messageId : undefined)
  if (typeof given === 'string' && given !== '') return { id: given, idStrength: 'stable' }
  return { id: `${consumerTag}/${deliveryTag}`, idStrength: 'weak' }
}

const cameBy = ({ fields }: ConsumeMessage, raw: Raw): CameBy => {
  const { [OWN.exchange]: exchange, [OWN.routingKey]: routingKey } = raw
  return typeof exchange === 'string' && typeof routingKey === 'string'
    ? { exchange, routingKey }
    : { exchange: fields.exchange, routingKey: fields.routingKey }
}

const keyIn = (raw: Raw): string | Uint8Array | undefined => {
  const key = raw[OWN.key]
  return typeof key === 'string' ? key : key instanceof Uint8Array ? plainBytes(key) : undefined
}

/** RabbitMQ's timestamps are in seconds; a plugin of its own adds one in milliseconds. */
const timeOf = ({ properties: { timestamp } }: ConsumeMessage, raw: Raw): number | undefined =>
  countIn(raw[OWN.time]) ?? countIn(raw.timestamp_in_ms) ?? (isSeconds(timestamp) ? timestamp * 1_000 : undefined)

const isSeconds = (value: unknown): value is number => typeof value === 'number' && value <= LAST_SECOND

const countIn = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined

const headersOf = (raw: Raw): readonly Header[] => {
  const delayedBy = raw[OWN.delayedBy]
  const headers: Header[] = []
  for (const [rawName, rawValue] of Object.entries(raw)) {
    const name = headerIn(rawName)
    const value = name === rawName ? withoutDelay(raw, name, rawValue, delayedBy) : rawValue
    if (name !== undefined && value !== undefined) headers.push([name, valueIn(value)])
  }
  return headers
}

/** A delay queue is left by dead-lettering, which the broker notes in the message: not an event of the record's life. */
const withoutDelay = (raw: Raw, name: string, value: unknown, delayedBy: unknown): unknown => {
  if (delayedBy === undefined) return value
  if (name === 'x-death' && Array.isArray(value)) {
    const others = value.filter(({ queue }: { readonly queue?: unknown }) => queue !== delayedBy)
    return others.length > 0 ? others : undefined
  }
  const [, which] = /^x-(first|last)-death-/.exec(name) ?? []
  return which !== undefined && raw[`x-${which}-death-queue`] === delayedBy ? undefined : value
}

/** All that AMQP has beside the headers. */
const PROPERTIES = [
  'contentType',
  'contentEncoding',
  'deliveryMode',
  'priority',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'timestamp',
  'type',
  'userId',
  'appId',
  'clusterId',
] as const

/** amqplib names every property there is, most of them undefined. Once for each record: the names are not asked for. */
const propertiesOf = ({ properties }: ConsumeMessage, raw: Raw): Readonly<Record<string, HeaderValue>> => {
  const found: Record<string, HeaderValue> = {}
  for (const name of PROPERTIES) {
    const value: unknown = properties[name]
    if (value !== undefined)
      found[name] = name === 'timestamp' && isSeconds(value) ? new Date(value * 1_000) : (value as HeaderValue)
  }
  const kept = Object.entries(raw).flatMap(([header, value]): readonly (readonly [string, HeaderValue])[] => {
    const name = propertyIn(header)
    return name === undefined ? [] : [[name, valueIn(value)]]
  })
  return kept.length === 0 ? found : Object.fromEntries([...Object.entries(found), ...kept])
}

/** The same memory without Buffer's own methods, which read bytes differently from what a Uint8Array promises. */
const plainBytes = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
