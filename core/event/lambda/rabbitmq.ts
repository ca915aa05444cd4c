/** The event AWS Lambda has for a queue of RabbitMQ. */
import type { EventRecord, HeaderValue } from '../../contract.ts'
import { base64Of, bytesOf, headerText, signedBytes } from '../bytes.ts'
import { shapeOf } from '../shape.ts'
import { awsAnswer } from './answer.ts'
import { arnOf } from './arn.ts'
import { readableTime } from './dates.ts'

type HeaderJson =
  | { readonly bytes: readonly number[] }
  | number
  | boolean
  | string
  | null
  | readonly HeaderJson[]
  | { readonly [name: string]: HeaderJson }

interface QueuedMessage {
  /** The queue and its virtual host; where the message stands in the event. */
  readonly queue: string
  readonly message: {
    readonly basicProperties: Readonly<Record<string, unknown>>
    readonly redelivered: boolean
    readonly data: string
  }
}

/** AWS has no partial failures here; a message that has a `messageId` can be named by it all the same. */
export const rabbitShape = shapeOf<QueuedMessage>({
  holds: 'batch',
  item({ record, attempt }, from) {
    const messageId = record.properties?.messageId
    return {
      item: {
        queue: `${record.position?.queue ?? from.name}::${from.virtualHost ?? '/'}`,
        message: { basicProperties: propertiesOf(record), redelivered: attempt > 1, data: base64Of(record.body) },
      },
      name: typeof messageId === 'string' ? messageId : undefined,
    }
  },
  event: (items, { name }) => ({
    eventSource: 'aws:rmq',
    eventSourceArn: arnOf('mq', `broker:${name}`),
    rmqMessagesByQueue: Object.fromEntries(
      [...Map.groupBy(items, item => item.queue)].map(([queue, queued]) => [queue, queued.map(item => item.message)]),
    ),
  }),
  readAnswer: awsAnswer({
    readName: identifier => (typeof identifier === 'string' && identifier !== '' ? identifier : undefined),
    expected: 'the messageId of a message of the event',
    failed: 'named',
  }),
})

const PROPERTIES = [
  'contentType',
  'contentEncoding',
  'headers',
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

/** Every property AWS lists is there, null where the message has none. */
const propertiesOf = ({ properties = {}, headers, body }: EventRecord): Readonly<Record<string, unknown>> => ({
  ...Object.fromEntries(PROPERTIES.map(name => [name, propertyJson(properties[name])])),
  headers: Object.fromEntries(headers.map(([name, value]) => [name, headerJson(value)])),
  bodySize: body?.byteLength ?? 0,
})

/** Texts and numbers, times as AWS writes them. */
const propertyJson = (value: HeaderValue | undefined): string | number | null => {
  if (value === undefined || value === null) return null
  if (value instanceof Date) return readableTime(value)
  return typeof value === 'number' && Number.isFinite(value) ? value : (headerText(value) ?? null)
}

/** Texts are bytes in AMQP, and AWS leaves them so. */
const headerJson = (value: HeaderValue): HeaderJson => {
  if (typeof value === 'string' || value instanceof Uint8Array) return { bytes: signedBytes(bytesOf(value)) }
  if (typeof value === 'bigint') return Number(value)
  // JSON has no number for what a double can be beside numbers.
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Date) return readableTime(value)
  if (isList(value)) return value.map(headerJson)
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, headerJson(inner)]))
}

const isList = (value: HeaderValue): value is readonly HeaderValue[] => Array.isArray(value)
