import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordOf } from '../../../connectors/rabbitmq/record.ts'
import type { OutgoingRecord } from '../../../core/contract.ts'
import { MillraceError } from '../../../core/errors.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { declared, freshName, independent, taken, writer } from './writing.ts'

const rabbitmq = sharedBroker('rabbitmq')
const skip = rabbitmq.missing

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

const back = (queue: string, message: Parameters<typeof recordOf>[1]) =>
  recordOf({ queue, address: `rabbit/${queue}`, messageId: 'unique' }, message, 0)

test('a record comes out of a queue as it was sent: id, time, key, headers of every type, properties, bytes', {
  skip,
}, async context => {
  const { url } = await rabbitmq.address()
  const queue = freshName()
  const record = {
    id: 'order-1',
    time: 1_700_000_000_123,
    key: new Uint8Array([0xff, 0, 1]),
    headers: [
      ['text', 'grüße'],
      ['bytes', new Uint8Array([0, 255, 128])],
      ['small', 7],
      ['big', Number.MAX_SAFE_INTEGER],
      ['negative', -40_000],
      ['fraction', 0.1],
      ['huge', 2 ** 60 + 2 ** 40],
      ['zero', -0],
      ['yes', true],
      ['nothing', null],
      ['date', new Date(1_700_000_000_000)],
      ['list', ['a', 1, [null, new Uint8Array([1])]]],
      ['table', { inner: { deep: new Date(0) }, '!': 'timestamp', 'x-death': 1 }],
      ['CC', 'nobody else'],
      ['x-death', [{ queue: 'elsewhere', count: 3 }]],
      ['millrace-id', 'not ours'],
    ],
    properties: {
      contentType: 'application/json',
      priority: 3,
      expiration: '1',
      userId: 'somebody',
      replyTo: 'answers',
      correlationId: 'c',
      type: 't',
      appId: 'a',
      contentEncoding: 'none',
      strange: { of: 'another technology' },
    },
    body: new Uint8Array([0, 255, 128, 10]),
  } satisfies OutgoingRecord
  const sink = writer(context, url).sink(declared.queue(queue))
  assert.deepEqual(await sink.send([record, { body: null, id: 'gone', time: 5_000 }]), [null, null])
  const [first, second] = await taken(await independent(context, url), queue, 2)
  assert.ok(first && second)
  const got = back(queue, first)
  assert.deepEqual(
    { ...got, headers: Object.fromEntries(got.headers) },
    {
      ...record,
      idStrength: 'stable',
      source: `rabbit/${queue}`,
      headers: Object.fromEntries(record.headers),
      properties: {
        ...record.properties,
        deliveryMode: 2,
        messageId: 'order-1',
        timestamp: new Date(1_700_000_000_000),
      },
      position: { queue, exchange: '', routingKey: queue },
    },
  )
  assert.equal(first.properties.expiration, undefined, 'the broker would have dropped it')
  assert.equal(back(queue, second).body, null)
})

test('what no queue takes is an error of that record, and the others are sent', { skip }, async context => {
  const { url } = await rabbitmq.address()
  const exchange = freshName()
  const model = await independent(context, url)
  const events = declared.exchange(exchange, { type: 'direct' })
  const sink = writer(context, url).sink(events)
  const [alone] = await sink.send([{ key: 'a', body: bytes('lost?') }])
  assert.match(String(alone?.message), /no queue takes it \(NO_ROUTE\); bind a queue/)
  const channel = await model.createChannel()
  await channel.assertQueue(exchange)
  await channel.bindQueue(exchange, exchange, 'a')
  const outcomes = await sink.send(['a', 'b', 'a', 'b'].map(key => ({ key, id: 'the same', body: bytes(key) })))
  assert.deepEqual(
    outcomes.map(outcome => outcome?.code ?? 'sent'),
    ['sent', 'SEND_FAILED', 'sent', 'SEND_FAILED'],
  )
  assert.equal((await taken(model, exchange, 2)).length, 2)
})

test('a record the broker takes offence at fails alone, though it closes the channel for all', {
  skip,
}, async context => {
  const { url } = await rabbitmq.address()
  const queue = freshName()
  const sink = writer(context, url).sink(declared.queue(queue))
  const outcomes = await sink.send([
    { body: bytes('one') },
    { body: bytes('x'), headers: [['large', 'x'.repeat(70_000)]] },
    { body: bytes('x'), headers: [['n'.repeat(256), 1]] },
    { body: bytes('two') },
    { body: bytes('later'), delayMs: 7_200_000 },
  ])
  assert.deepEqual(
    outcomes.map(outcome => outcome?.code ?? 'sent'),
    ['sent', 'SEND_INVALID', 'SEND_INVALID', 'sent', 'SEND_INVALID'],
  )
  assert.match(String(outcomes[1]?.message), /its headers must be at most 65536 bytes together/)
  assert.equal((await taken(await independent(context, url), queue, 2)).length, 2)
})

test('a queue that was deleted is made again with the send after the one that finds out', { skip }, async context => {
  const { url } = await rabbitmq.address()
  const queue = freshName()
  const sink = writer(context, url).sink(declared.queue(queue))
  assert.deepEqual(await sink.send([{ body: bytes('one') }]), [null])
  await (await (await independent(context, url)).createChannel()).deleteQueue(queue)
  assert.ok((await sink.send([{ body: bytes('two') }]))[0] instanceof MillraceError)
  assert.deepEqual(await sink.send([{ body: bytes('three') }]), [null])
})
