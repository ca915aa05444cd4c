/** The events of AWS, beyond the examples in docs/event-formats.md, and what functions answer to them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventRecord } from '../../../core/contract.ts'
import type { ForeignBatch } from '../../../core/event/foreign.ts'
import { batchOf, given, record } from './examples.ts'

/** The first record of an event with `Records`. */
const first = (batch: ForeignBatch): Readonly<Record<string, unknown>> => {
  const { Records } = batch.event as { readonly Records: readonly Readonly<Record<string, unknown>>[] }
  assert.ok(Records[0])
  return Records[0]
}

const sqs = (change: Partial<EventRecord>, codec: 'json' | 'bytes' | 'custom' = 'json') =>
  batchOf('lambda', 'embedded/queue', [given(record(change))], { codec })

test('SQS: a body is the text that was sent, base64 where the channel has bytes, empty for a tombstone', () => {
  assert.equal(first(sqs({ body: Buffer.from('{ "ä": 1 }') })).body, '{ "ä": 1 }')
  assert.equal(first(sqs({ body: Uint8Array.of(0xff) }, 'bytes')).body, '/w==')
  assert.equal(first(sqs({ body: Buffer.from('x') }, 'custom')).body, 'eA==')
  assert.equal(first(sqs({ body: null })).body, '')
})

test('SQS: hashes are those that SQS makes', () => {
  const { md5OfBody, md5OfMessageAttributes, messageAttributes } = first(
    sqs({ body: Buffer.from('hello'), headers: [['timestamp', 1_493_147_359_900]] }),
  )
  assert.equal(md5OfBody, '5d41402abc4b2a76b9719d911017c592')
  assert.equal(md5OfMessageAttributes, '235c5c510d26fb653d073faed50ae77c')
  assert.deepEqual(messageAttributes, {
    timestamp: { stringValue: '1493147359900', stringListValues: [], binaryListValues: [], dataType: 'Number' },
  })
  assert.ok(!('md5OfMessageAttributes' in first(sqs({ headers: [] }))))
})

test('SQS: headers of any kind are attributes, of a name that stands twice the last one counts', () => {
  const { messageAttributes } = first(
    sqs({
      headers: [
        ['twice', 'a'],
        ['twice', 'b'],
        ['bytes', Uint8Array.of(0xff)],
        ['big', 2n ** 70n],
        ['nested', { at: new Date(0), list: [1n, Buffer.from('x'), Uint8Array.of(0xff), null] }],
        ['__proto__', 'own'],
      ],
    }),
  ) as { messageAttributes: Readonly<Record<string, { stringValue?: string; binaryValue?: string; dataType: string }>> }
  const told = Object.entries(messageAttributes).map(([name, { stringValue, binaryValue, dataType }]) =>
    [name, dataType, stringValue ?? binaryValue].join(' '),
  )
  assert.deepEqual(told.slice(0, 3), ['twice String b', 'bytes Binary /w==', 'big Number 1180591620717411303424'])
  assert.equal(told[3], 'nested String {"at":"1970-01-01T00:00:00.000Z","list":["1","x","/w==",null]}')
  assert.equal(told[4], '__proto__ String own')
})

test('SQS: a key is the message group, as text or else base64', () => {
  const group = (key: EventRecord['key']): unknown =>
    (first(sqs({ key })).attributes as Readonly<Record<string, unknown>>).MessageGroupId
  assert.deepEqual(
    [group('k'), group(Buffer.from('k')), group(Uint8Array.of(0xff)), group(null)],
    ['k', 'k', '/w==', undefined],
  )
})

const stream = (...places: readonly (readonly [partition: number, offset: number])[]) =>
  batchOf(
    'lambda',
    'embedded/stream',
    places.map(([partition, offset]) =>
      given(record({ id: `${partition}-${offset}`, position: { stream: 'orders', partition, offset } })),
    ),
  )

const sequenceNumbers = (batch: ForeignBatch): readonly string[] =>
  (batch.event as { Records: { kinesis: { sequenceNumber: string } }[] }).Records.map(
    each => each.kinesis.sequenceNumber,
  )

/** The ids in an answer of ours: `3`, or `3?` for one that was not tried. */
const failedIn = (batch: ForeignBatch, answer: unknown): string => {
  const read = batch.readAnswer(answer)
  assert.ok(read.ok, read.ok ? '' : read.problem)
  const { batchItemFailures } = (read.value ?? { batchItemFailures: [] }) as {
    batchItemFailures: { itemIdentifier: string; untried?: boolean }[]
  }
  return batchItemFailures.map(each => `${each.itemIdentifier}${each.untried ? '?' : ''}`).join(' ')
}

const failures = (...identifiers: readonly unknown[]) => ({
  batchItemFailures: identifiers.map(itemIdentifier => ({ itemIdentifier })),
})

test('Kinesis: in a shard numbers rise, as text too, whatever the order of the batch', () => {
  const numbers = sequenceNumbers(stream([1, 100], [0, 7], [1, 9], [0, 12]))
  assert.deepEqual(numbers.map(Number), [7, 12, 1e20 + 9, 1e20 + 100])
  assert.equal(new Set(numbers).size, 4)
  assert.deepEqual([...numbers].sort(), numbers)
})

test('Kinesis: what is behind the lowest failure of a shard was not tried, other shards are done', () => {
  const batch = stream([0, 1], [0, 3], [1, 5], [0, 2], [1, 4])
  const [, second, third, , last] = sequenceNumbers(batch)
  assert.equal(failedIn(batch, failures(second)), '0-2 0-3?')
  assert.equal(failedIn(batch, failures(third, second)), '0-2 0-3?')
  assert.equal(failedIn(batch, failures(last)), '1-5')
  assert.equal(failedIn(batch, failures(last, second)), '0-2 0-3? 1-5')
})

test('Kinesis: entries of a Redis stream are numbered by both halves of their ids', () => {
  const batch = batchOf(
    'lambda',
    'redis/stream',
    ['9-10', '10-2', '9-9'].map(id => given(record({ id, position: { stream: 'orders', id } }))),
  )
  assert.deepEqual(batch.readAnswer(failures(sequenceNumbers(batch)[0])), {
    ok: true,
    value: {
      batchItemFailures: [
        { itemIdentifier: '9-9' },
        ...['9-10', '10-2'].map(itemIdentifier => ({ itemIdentifier, untried: true })),
      ],
    },
  })
})

const kafka = (change: Partial<EventRecord> = {}, places = [[0, 5]]) =>
  batchOf(
    'lambda',
    'kafka/topic',
    places.map(([partition = 0, offset = 0]) =>
      given(record({ id: `${partition}/${offset}`, position: { topic: 'orders', partition, offset }, ...change })),
    ),
  )

test('Kafka: records stand by partition, and one partition and offset name a failure', () => {
  const batch = kafka({}, [
    [0, 5],
    [11, 5],
    [0, 6],
  ])
  const { records } = batch.event as { records: Readonly<Record<string, readonly { offset: number }[]>> }
  assert.deepEqual(
    Object.entries(records).map(([partition, list]) => [partition, list.map(each => each.offset)]),
    [
      ['orders-0', [5, 6]],
      ['orders-11', [5]],
    ],
  )
  assert.equal(
    failedIn(batch, failures({ partition: 'orders-11', offset: 5 }, { partition: 'orders-0', offset: 6 })),
    '11/5 0/6',
  )
})

for (const [what, identifier] of [
  ['a text, as queues have', 'orders-0'],
  ['an offset that is text', { partition: 'orders-0', offset: '5' }],
  ['an unknown offset', { partition: 'orders-0', offset: 7 }],
  ['an unknown partition', { partition: 'orders-1', offset: 5 }],
  ['a partition without its topic', { partition: 0, offset: 5 }],
  ['nothing', null],
] as const)
  test(`Kafka: ${what} names no record, so the whole batch failed`, () => {
    const read = kafka().readAnswer(failures(identifier))
    assert.ok(!read.ok)
    assert.match(read.problem, /batchItemFailures\[0\].*expected.*\{ partition: "topic-0", offset: 42 \}/)
  })

test('Kafka: null is left out, headers are lists of signed bytes, a name may stand twice', () => {
  const batch = kafka({
    key: null,
    body: null,
    headers: [
      ['h', Uint8Array.of(0, 127, 128, 255)],
      ['h', 'é'],
      ['none', null],
    ],
  })
  const { records } = batch.event as { records: Readonly<Record<string, readonly object[]>> }
  const [item] = records['orders-0'] ?? []
  assert.ok(item && !('key' in item) && !('value' in item))
  assert.deepEqual((item as { headers: unknown }).headers, [{ h: [0, 127, -128, -1] }, { h: [-61, -87] }, { none: [] }])
})

test('RabbitMQ: several queues of one event, and what AMQP can have in headers', () => {
  const queued = (queue: string, change: Partial<EventRecord> = {}) =>
    given(record({ id: `${queue}-1`, position: { queue }, ...change }), { attempt: 2 })
  const batch = batchOf('lambda', 'rabbitmq/queue', [
    queued('a', { headers: [['table', { at: new Date(0), list: [1n, 'x', null], yes: true }]] }),
    queued('b'),
    queued('a', { id: 'a-2', properties: { messageId: 'm' } }),
  ])
  const { rmqMessagesByQueue: queues } = batch.event as {
    rmqMessagesByQueue: Readonly<
      Record<string, readonly { redelivered: boolean; basicProperties: { headers: unknown } }[]>
    >
  }
  assert.deepEqual(
    Object.entries(queues).map(([queue, messages]) => [queue, messages.map(each => each.redelivered)]),
    [
      ['a::/', [true, true]],
      ['b::/', [true]],
    ],
  )
  assert.deepEqual(queues['a::/']?.[0]?.basicProperties.headers, {
    table: { at: 'Jan 1, 1970, 12:00:00 AM', list: [1, { bytes: [120] }, null], yes: true },
  })
  // AWS has no partial failures here; whoever names a message by its own id is understood.
  assert.equal(failedIn(batch, failures('m')), 'a-2')
  assert.ok(!batch.readAnswer(failures('a-1')).ok)
})

const topic = (change: Partial<EventRecord>) => batchOf('lambda', 'embedded/topic', [given(record(change))])

test('EventBridge: what a record does not say comes from its channel, and no answer is read', () => {
  const batch = topic({ headers: [['resources', 'arn:a,arn:b']] })
  const event = batch.event as Readonly<Record<string, unknown>>
  assert.deepEqual(
    [event['detail-type'], event.source, event.resources],
    ['orders', 'millrace.embedded', ['arn:a', 'arn:b']],
  )
  assert.deepEqual(batch.readAnswer(failures('nobody')), { ok: true, value: undefined })
})

for (const body of ['[1]', '7', 'null', '{', ''])
  test(`EventBridge: a body of ${JSON.stringify(body)} is no detail, and is refused`, () => {
    const batch = topic({ body: Buffer.from(body) })
    assert.equal(batch.event, undefined)
    assert.match(
      batch.refused[0]?.error.message ?? '',
      /shop\/orders: the body is not a JSON object.*format 'millrace' takes any/,
    )
  })

const HOSTILE: Partial<EventRecord> = {
  id: '\u0000"\ud800',
  time: 9e18,
  key: Uint8Array.of(0xff),
  headers: [
    ['__proto__', { constructor: 1 }],
    ['', new Date(Number.NaN)],
    ['\ud800', [null, Number.NaN, Number.NEGATIVE_INFINITY]],
  ],
  properties: {
    timestamp: new Date(Number.NaN),
    contentType: 'application/octet-stream',
    correlationId: 2n ** 70n,
    replyTo: Uint8Array.of(0xff),
    priority: Number.NaN,
  },
}

for (const place of [
  'embedded/queue',
  'embedded/stream',
  'kafka/topic',
  'rabbitmq/queue',
  'embedded/topic',
  'cron/schedule',
])
  for (const time of [9e18, -9e18, Number.NaN, Number.POSITIVE_INFINITY])
    test(`${place}: a record of which nothing is usual, at ${time}, has an event that JSON can carry`, () => {
      for (const format of ['lambda', 'cloudevents'] as const) {
        const batch = batchOf(format, place, [given(record({ ...HOSTILE, time }))])
        assert.ok(batch.event !== undefined)
        const carried: unknown = JSON.parse(JSON.stringify(batch.event))
        if (Number.isFinite(time)) assert.deepEqual(carried, batch.event)
      }
    })
