/** Records on their way to RabbitMQ, as messages. What comes from there is in `record.ts`. */
import type { Options } from 'amqplib'
import type { EventRecord, Header, HeaderValue, OutgoingRecord } from '../../core/contract.ts'
import { headerOut, OWN, propertyHeader } from './own.ts'
import { type CameBy, keyBy } from './record.ts'
import { type AmqpTable, LAST_SECOND, tableOut } from './values.ts'

/** A message with where it goes: to the queue named by the routing key at the exchange '', which is the default one. */
export interface Message {
  readonly exchange: string
  readonly routingKey: string
  readonly content: Buffer
  readonly options: Options.Publish
}

/** An outgoing record that has got its id and its time. */
export type Dated = OutgoingRecord & Required<Pick<OutgoingRecord, 'id' | 'time'>>

/** What travels with a record that is published again to its queue. */
export interface Travelling {
  readonly attempts: number
  readonly firstSeen: number
  /** Claims that ended without a verdict before; left out for none. */
  readonly deliveries?: number
}

interface Way {
  /** The exchange and routing key that a reader is to see, where it is published with others. */
  readonly seenAs?: CameBy | undefined
  /** The delay queue it goes through. */
  readonly delayedBy?: string | undefined
}

/** A message for a record that is new to the broker; it gets the properties that tell any reader its id and time. */
export const newMessage = (record: Dated, to: CameBy, way: Way = {}): Message => {
  const { live, kept } = splitProperties(record.properties ?? {})
  return compose(record, to, way, { options: dated(record, live), kept, travelling: [] })
}

/** A message for a record that was read from `queue` and goes back there, with the properties it had and no others. */
export const sameMessage = (
  record: EventRecord,
  to: CameBy,
  { attempts, firstSeen, deliveries = 0 }: Travelling,
  { delayedBy }: Pick<Way, 'delayedBy'> = {},
): Message => {
  const { live, kept } = splitProperties(record.properties ?? {})
  const travelling: readonly Header[] = [
    [OWN.attempts, attempts],
    [OWN.firstSeen, firstSeen],
    ...(deliveries === 0 ? [] : [[OWN.deliveries, deliveries] as const]),
  ]
  return compose(record, to, { seenAs: cameBy(record), delayedBy }, { options: live, kept, travelling })
}

/** How the record came; undefined where it came through the default exchange, as whatever goes to a queue does. */
export const cameBy = ({ position }: Pick<OutgoingRecord, 'position'>): CameBy | undefined => {
  const { exchange, routingKey } = position ?? {}
  return typeof exchange === 'string' && typeof routingKey === 'string' && exchange !== ''
    ? { exchange, routingKey }
    : undefined
}

interface Parts {
  readonly options: Live
  readonly kept: readonly Header[]
  readonly travelling: readonly Header[]
}

/** All that AMQP or the broker would not keep, or would act upon, is kept in headers. */
const compose = (
  record: Dated,
  to: CameBy,
  { seenAs, delayedBy }: Way,
  { options, kept, travelling }: Parts,
): Message => {
  const own: Header[] = [
    ...(options.messageId === record.id ? [] : [[OWN.id, record.id] as const]),
    ...((options.timestamp ?? 0) * 1_000 === record.time ? [] : [[OWN.time, record.time] as const]),
    ...ownKey(record, seenAs ?? to),
    ...(record.body === null ? [[OWN.tombstone, true] as const] : []),
    ...(seenAs ? [[OWN.exchange, seenAs.exchange] as const, [OWN.routingKey, seenAs.routingKey] as const] : []),
    ...(delayedBy === undefined ? [] : [[OWN.delayedBy, delayedBy] as const]),
    ...travelling,
    ...kept.map(([name, value]) => [propertyHeader(name), value] as const),
  ]
  return {
    ...to,
    content: bufferOf(record.body ?? EMPTY),
    options: { ...options, persistent: true, mandatory: true, headers: headersOut(record.headers ?? [], own) },
  }
}

const EMPTY = new Uint8Array()

const ownKey = ({ key = null }: OutgoingRecord, seenAs: CameBy): readonly Header[] =>
  key === null || key === keyBy(seenAs) ? [] : [[OWN.key, key]]

/** A name that stands more than once, which a table cannot have, becomes one with the list of its values. */
const headersOut = (headers: readonly Header[], own: readonly Header[]): AmqpTable => {
  const byName = new Map<string, HeaderValue[]>()
  for (const [name, value] of headers) byName.set(headerOut(name), [...(byName.get(headerOut(name)) ?? []), value])
  const entries = [...byName].map(
    ([name, values]): Header => [name, values.length === 1 ? (values[0] as HeaderValue) : values],
  )
  return tableOut([...entries, ...own])
}

type Live = Omit<Options.Publish, 'headers'>

/** Those of AMQP that a message may carry again, with what they must be. */
const LIVE: Readonly<Record<string, (value: HeaderValue) => boolean>> = {
  contentType: isShort,
  contentEncoding: isShort,
  correlationId: isShort,
  replyTo: value => isShort(value) && value !== 'amq.rabbitmq.reply-to',
  messageId: isShort,
  type: isShort,
  appId: isShort,
  priority: value => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255,
  timestamp: value => value instanceof Date && isWholeSecond(value.getTime()),
}

/** A function declaration, so that it may stand below the table that names it. */
function isShort(value: HeaderValue): value is string {
  return typeof value === 'string' && Buffer.byteLength(value) <= 255
}

const isWholeSecond = (ms: number): boolean => ms % 1_000 === 0 && ms >= 0 && ms / 1_000 <= LAST_SECOND

/**
 * Not live are the user, who the broker checks to be us; the time to live, which would let a record vanish while nobody
 * has it; the delivery mode, which is always persistent; and what is none of AMQP's.
 */
const splitProperties = (properties: Readonly<Record<string, HeaderValue>>) => {
  const all = Object.entries(properties).filter(([name, value]) => name !== 'deliveryMode' || value !== 2)
  const isLive = ([name, value]: readonly [string, HeaderValue]): boolean => LIVE[name]?.(value) ?? false
  const live = Object.fromEntries(all.filter(isLive).map(([name, value]) => [name, plainTime(value)])) as Live
  return { live, kept: all.filter(entry => !isLive(entry)) }
}

const plainTime = (value: HeaderValue): HeaderValue => (value instanceof Date ? value.getTime() / 1_000 : value)

/** A record of another technology gets the properties that tell an AMQP reader its id and time. */
const dated = (record: Dated, live: Live): Live => ({
  ...live,
  ...(live.messageId === undefined && isShort(record.id) ? { messageId: record.id } : {}),
  ...(live.timestamp === undefined && record.time >= 0 ? { timestamp: Math.floor(record.time / 1_000) } : {}),
})

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
