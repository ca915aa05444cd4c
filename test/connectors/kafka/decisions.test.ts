import assert from 'node:assert/strict'
import { test } from 'node:test'
import kafkajs from 'kafkajs'
import { beginningOf } from '../../../connectors/kafka/assignment.ts'
import { brokersOf } from '../../../connectors/kafka/client.ts'
import { kafkaError } from '../../../connectors/kafka/failure.ts'
import { headersOut } from '../../../connectors/kafka/headers.ts'
import { recordOf } from '../../../connectors/kafka/record.ts'
import { connectionSettings } from '../../../connectors/kafka/settings.ts'
import type { MillraceError } from '../../../core/errors.ts'

const facts = { committed: -1, metadata: null, earliest: 10, start: 50 }

test('where a lane begins: at its start once, at the commit afterwards, never at the end by itself', () => {
  assert.deepEqual(beginningOf(facts), { offset: 50, why: 'start' })
  assert.deepEqual(beginningOf({ ...facts, committed: 10 }), { offset: 10, why: 'committed' })
  assert.deepEqual(beginningOf({ ...facts, committed: 99 }), { offset: 99, why: 'committed' })
  assert.deepEqual(beginningOf({ ...facts, committed: 9 }), { offset: 10, why: 'vanished' })
  assert.deepEqual(beginningOf({ ...facts, committed: -2 }), { offset: 10, why: 'vanished' })
})

test('brokers are taken as a text with commas or a list, and a wrong one is named', () => {
  assert.deepEqual(brokersOf('shop', 'a:9092, b:9093'), ['a:9092', 'b:9093'])
  assert.deepEqual(brokersOf('shop', ['a:9092', '[::1]:9093']), ['a:9092', '[::1]:9093'])
  for (const wrong of ['', ',', 'localhost', 'kafka://a:9092', 'a:port'])
    assert.throws(() => brokersOf('shop', wrong), /connections\.shop\.brokers must be host:port/)
})

test('a wrong password is fatal, an unreachable broker and an unknown topic are tried again', () => {
  const wrapped = (cause: Error): Error => Object.assign(new kafkajs.KafkaJSNonRetriableError('outer'), { cause })
  // Its types say that it takes nothing; without a message it cannot be made.
  const refused: Error = Reflect.construct(kafkajs.KafkaJSSASLAuthenticationError, ['not accepted'])
  const password = kafkaError('SOURCE_FAILED', 'opening', wrapped(refused))
  assert.deepEqual([password.fatal, password.code], [true, 'SOURCE_FATAL'])
  assert.match(password.message, /sasl\.password/)
  const away = kafkaError('SOURCE_FAILED', 'opening', wrapped(new kafkajs.KafkaJSConnectionError('refused')))
  assert.deepEqual([away.fatal, away.code], [false, 'SOURCE_FAILED'])
  const unknown = Object.assign(new Error('no such topic'), { type: 'UNKNOWN_TOPIC_OR_PARTITION' })
  assert.match(kafkaError('SOURCE_FAILED', 'opening', unknown).message, /create it, or correct its name/)
})

test('a drain must leave time to join, and a shorter rebalance shortens the default one', () => {
  const options = { brokers: 'a:1' }
  assert.equal(connectionSettings('shop', options).timing.drainMs, 20_000)
  assert.equal(connectionSettings('shop', { ...options, rebalanceTimeout: '8s' }).timing.drainMs, 6_000)
  assert.throws(
    () => connectionSettings('shop', { ...options, rebalanceTimeout: '8s', rebalanceDrain: '7s' }),
    (error: MillraceError) => error.code === 'CONFIG_INVALID' && /three quarters/.test(error.message),
  )
})

const message = {
  key: Buffer.from('k'),
  value: Buffer.from('v'),
  timestamp: '1700000000000',
  attributes: 0,
  offset: '7',
  headers: {},
}
const place = { topic: 'orders', partition: 3, address: 'shop/orders' }

test('a key is text where its bytes are, else bytes; the text has the same bytes', () => {
  assert.equal(recordOf(place, message).key, 'k')
  assert.deepEqual(recordOf(place, { ...message, key: Buffer.from([0xff, 0]) }).key, Uint8Array.of(0xff, 0))
  assert.equal(recordOf(place, { ...message, key: Buffer.from('\ufeffbom') }).key, '\ufeffbom')
  assert.equal(recordOf(place, { ...message, key: null }).key, null)
})

test('the record at the same offset of a topic that was made anew has another id', () => {
  const { id } = recordOf(place, message)
  assert.equal(id, 'orders/3/7@1700000000000')
  assert.notEqual(recordOf(place, { ...message, timestamp: '1700000000001' }).id, id)
})

test('an offset that a number cannot hold exactly is refused', () => {
  assert.throws(() => recordOf(place, { ...message, offset: '9007199254740993' }), /2\^53/)
})

test('headers go out as bytes, repeated names as lists in their order', () => {
  const out = headersOut([
    ['trace', 'a'],
    ['n', 5],
    ['trace', Uint8Array.of(0xff)],
    ['at', new Date(0)],
    ['nothing', null],
    ['nested', { list: [1n] }],
    ['__proto__', 'x'],
  ])
  assert.deepEqual(out.trace, [Buffer.from('a'), Buffer.from([0xff])])
  assert.deepEqual(out.n, Buffer.from('5'))
  assert.deepEqual(out.at, Buffer.from('1970-01-01T00:00:00.000Z'))
  assert.deepEqual(out.nothing, Buffer.alloc(0))
  assert.deepEqual(out.nested, Buffer.from('{"list":[{"$bigint":"1"}]}'))
  assert.deepEqual(Object.getOwnPropertyDescriptor(out, '__proto__')?.value, Buffer.from('x'))
})
