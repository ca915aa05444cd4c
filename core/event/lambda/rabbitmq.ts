/** The event AWS Lambda has for a queue of RabbitMQ. */
import type { EventRecord, HeaderValue } from '../../contract.ts'
import { base64Of, bytesOf, signedBytes } from '../bytes.ts'
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

/** Every property AWS lists is there, null where the message has none. */
const propertiesOf = ({ properties = {}, headers, body }: EventRecord): Readonly<Record<string, unknown>> => ({
  contentType: properties.contentType ?? null,
  contentEncoding: properties.contentEncoding ?? null,
  headers: Object.fromEntries(headers.map(([name, value]) => [name, headerJson(value)])),
  deliveryMode: properties.deliveryMode ?? null,
  priority: properties.priority ?? null,
  correlationId: properties.correlationId ?? null,
  replyTo: properties.replyTo ?? null,
  expiration: properties.expiration ?? null,
  messageId: properties.messageId ?? null,
  timestamp: properties.timestamp instanceof Date ? readableTime(properties.timestamp) : null,
  type: properties.type ?? null,
  userId: properties.userId ?? null,
  appId: properties.appId ?? null,
  clusterId: properties.clusterId ?? null,
  bodySize: body?.byteLength ?? 0,
})

/** Texts are bytes in AMQP, and AWS leaves them so. */
const headerJson = (value: HeaderValue): HeaderJson => {
  if (typeof value === 'string' || value instanceof Uint8Array) return { bytes: signedBytes(bytesOf(value)) }
  if (typeof value === 'bigint') return Number(value)
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Date) return readableTime(value)
  if (isList(value)) return value.map(headerJson)
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, headerJson(inner)]))
}

const isList = (value: HeaderValue): value is readonly HeaderValue[] => Array.isArray(value)
