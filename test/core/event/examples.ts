/** One event of each shape, of the values that the documentation shows. */
import type { EventRecord } from '../../../core/contract.ts'
import type { CodecName, EventFormat, ForeignEvents, InvokedRecord } from '../../../core/engine/contract.ts'
import { type ForeignBatch, foreignBatch } from '../../../core/event/foreign.ts'
import { toApiGatewayV2 } from '../../../core/event/lambda/api-gateway.ts'
import { checkedText } from '../../../core/event/text.ts'

type Foreign = Exclude<EventFormat, 'millrace'>

/** Written so that a test changes what it is about. */
export const record = (change: Partial<EventRecord> = {}): EventRecord => ({
  id: 'o-1',
  idStrength: 'stable',
  source: 'shop/orders',
  time: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  key: 'customer-7',
  headers: [['tenant', 'north']],
  body: Buffer.from('{"total":42}'),
  ...change,
})

/** As a watched folder has it. */
export const fileRecord = record({
  id: 'file:uploads:10',
  key: 'photos/rote Rübe+1.jpg',
  headers: [],
  body: Buffer.from(
    JSON.stringify({
      event: 'created',
      path: 'photos/rote Rübe+1.jpg',
      file: '/srv/uploads/photos/rote Rübe+1.jpg',
      size: 1_024,
      modified: '2026-01-02T03:04:05.678Z',
      etag: 'd41d8cd98f00b204e9800998ecf8427e',
    }),
  ),
  position: { folder: '/srv/uploads', path: 'photos/rote Rübe+1.jpg', change: 10 },
})

export const given = (of: EventRecord, change: Partial<InvokedRecord> = {}): InvokedRecord => ({
  record: of,
  attempt: 1,
  idempotencyKey: `app/mapping/${of.source}/${of.id}`,
  fence: 9,
  ...change,
})

/** The batch of these records in a form, as an environment makes it. */
export const batchOf = (
  format: Foreign,
  place: string,
  records: readonly InvokedRecord[],
  more: Partial<ForeignEvents> & { readonly codec?: CodecName } = {},
): ForeignBatch => {
  const { codec = 'json', ...events } = more
  const batch = foreignBatch(
    { events: { format, place, name: 'orders', ...events }, codec, records },
    undefined,
    checkedText,
  )
  if (batch instanceof Promise) throw new Error('without a guard nothing is waited for')
  return batch
}

const eventOf = (...given: Parameters<typeof batchOf>): unknown => batchOf(...given).event

/** By their headings in docs/event-formats.md. */
export const EXAMPLES: Readonly<Record<string, () => unknown>> = {
  'Queues: SQS': () =>
    eventOf('lambda', 'embedded/queue', [given(record({ position: { queue: 'orders', offset: 12 } }), { attempt: 2 })]),
  'Streams: Kinesis': () =>
    eventOf('lambda', 'embedded/stream', [
      given(record({ position: { stream: 'orders', partition: 3, offset: 17 }, headers: [] })),
    ]),
  'Kafka: self-managed Apache Kafka': () =>
    eventOf(
      'lambda',
      'kafka/topic',
      [given(record({ id: 'orders/0/42@1', position: { topic: 'orders', partition: 0, offset: 42 } }))],
      { servers: 'broker-1:9092,broker-2:9092' },
    ),
  'RabbitMQ: Amazon MQ': () =>
    eventOf(
      'lambda',
      'rabbitmq/queue',
      [
        given(
          record({
            key: null,
            headers: [
              ['tenant', 'é'],
              ['retries', 3],
            ],
            properties: {
              contentType: 'application/json',
              deliveryMode: 2,
              messageId: 'o-1',
              timestamp: new Date(Date.UTC(2026, 0, 2, 15, 4, 5)),
            },
            position: { queue: 'orders', exchange: 'shop', routingKey: 'order.paid' },
          }),
        ),
      ],
      { virtualHost: 'shop' },
    ),
  'Topics: EventBridge': () =>
    eventOf('lambda', 'embedded/topic', [
      given(
        record({
          headers: [
            ['detail-type', 'Order paid'],
            ['source', 'shop.checkout'],
          ],
        }),
      ),
    ]),
  'Schedules: EventBridge': () =>
    eventOf(
      'lambda',
      'cron/schedule',
      [given(record({ id: 'cron:nightly:2026-01-02T03:04:05Z', key: null, headers: [], body: null }))],
      { name: 'nightly' },
    ),
  'Files: S3': () => batchOf('lambda', 'files/folder', [given(fileRecord)], { name: 'uploads' }).event,
  'HTTP: API Gateway, payload format 2.0': () =>
    toApiGatewayV2({
      id: 'req-1',
      method: 'POST',
      path: '/quotes/7',
      query: 'currency=EUR&tag=a&tag=b',
      headers: [
        ['Host', 'api.example.org'],
        ['Content-Type', 'application/json'],
        ['Cookie', 'a=1; b=2'],
        ['X-Tag', 'one'],
        ['X-Tag', 'two'],
        ['User-Agent', 'curl/8'],
      ],
      body: Buffer.from('{"total":42}'),
      route: 'POST /quotes/{id}',
      pathParameters: { id: '7' },
      protocol: 'HTTP/1.1',
      sourceIp: '127.0.0.1',
      time: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    }),
  'A record as CloudEvent': () =>
    eventOf('cloudevents', 'kafka/topic', [given(record({ id: 'orders/0/42@1' }), { attempt: 2 })]),
  'A CloudEvent that came as one': () =>
    eventOf('cloudevents', 'kafka/topic', [
      given(
        record({
          id: 'orders/0/43@1',
          key: null,
          headers: [
            ['ce_specversion', '1.0'],
            ['ce_id', 'A-17'],
            ['ce_source', '/shop/checkout'],
            ['ce_type', 'org.example.order.paid'],
            ['content-type', 'application/json'],
            ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
          ],
        }),
      ),
    ]),
}
