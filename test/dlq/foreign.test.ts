import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Header, HeaderValue } from '../../core/contract.ts'
import { readForeign, tellsOfFailure } from '../../dlq/foreign.ts'
import { letterToOutgoing } from '../../dlq/outgoing.ts'
import { fullRecord, letterFor } from '../support/letters.ts'

const of = (headers: Readonly<Record<string, HeaderValue>>) =>
  readForeign(fullRecord('1', { headers: Object.entries(headers) as Header[] }))

test('Kafka Connect: topic, position, connector, stage and error', () => {
  const found = of({
    '__connect.errors.topic': new TextEncoder().encode('orders'),
    '__connect.errors.partition': '3',
    '__connect.errors.offset': '42',
    '__connect.errors.connector.name': 'sink',
    '__connect.errors.stage': 'VALUE_CONVERTER',
    '__connect.errors.exception.class.name': 'org.apache.kafka.connect.errors.DataException',
    '__connect.errors.exception.message': 'bad',
    '__connect.errors.exception.stacktrace': 'at x',
  })
  assert.deepEqual(found, {
    from: 'kafka-connect',
    origin: 'orders',
    position: { topic: 'orders', partition: 3, offset: 42 },
    group: 'connect-sink',
    error: { name: 'org.apache.kafka.connect.errors.DataException', message: 'bad (VALUE_CONVERTER)', stack: 'at x' },
  })
})

test('NServiceBus: the queue without its machine, the time and the exception', () => {
  const found = of({
    'NServiceBus.FailedQ': 'orders@HOST',
    'NServiceBus.TimeOfFailure': '2026-01-31 12:00:01:123456 Z',
    'NServiceBus.ExceptionInfo.ExceptionType': 'System.Exception',
    'NServiceBus.ExceptionInfo.Message': 'no',
    'NServiceBus.ExceptionInfo.StackTrace': 'at X()',
  })
  assert.deepEqual(found, {
    from: 'nservicebus',
    origin: 'orders',
    failedAt: Date.UTC(2026, 0, 31, 12, 0, 1, 123),
    error: { name: 'System.Exception', message: 'no', stack: 'at X()' },
  })
})

test('MassTransit: the queue of the input address, of faults and of what was skipped', () => {
  const found = of({
    'MT-Reason': 'fault',
    'MT-Fault-InputAddress': 'rabbitmq://localhost/vhost/orders?durable=true',
    'MT-Fault-Timestamp': '2026-01-31T12:00:00Z',
    'MT-Fault-ExceptionType': 'System.Exception',
    'MT-Fault-Message': 'no',
    'MT-Fault-StackTrace': 'at X()',
  })
  assert.deepEqual(found, {
    from: 'masstransit',
    origin: 'orders',
    failedAt: Date.UTC(2026, 0, 31, 12),
    error: { name: 'System.Exception', message: 'no', stack: 'at X()' },
  })
  assert.deepEqual(of({ 'MT-Reason': 'dead-letter' }), {
    from: 'masstransit',
    error: { name: 'dead-letter', message: '' },
  })
})

test('RabbitMQ: the queue of the first death, whichever queues came after it', () => {
  const found = of({
    'x-death': [
      {
        queue: 'parking',
        reason: 'expired',
        exchange: 'dlx',
        'routing-keys': ['parking'],
        count: 1n,
        time: new Date(9_000),
      },
      {
        queue: 'orders',
        reason: 'rejected',
        exchange: 'shop',
        'routing-keys': ['order.paid'],
        count: 3n,
        time: new Date(5_000),
      },
    ],
    'x-first-death-queue': 'orders',
    'x-first-death-exchange': 'shop',
    'x-first-death-reason': 'rejected',
  })
  assert.deepEqual(found, {
    from: 'rabbitmq',
    origin: 'orders',
    position: { queue: 'orders', exchange: 'shop', routingKey: 'order.paid' },
    key: 'order.paid',
    failedAt: 9_000,
    error: { name: 'rejected', message: 'it was rejected in queue orders, 3 times' },
  })
})

test('another Millrace: what it sent to its own channel of dead letters', () => {
  const letter = letterFor(
    fullRecord('1', { source: 'shop/orders', position: { topic: 'orders', partition: 1, offset: 2 } }),
  )
  for (const kind of ['rabbitmq', 'kafka']) {
    const { headers = [] } = letterToOutgoing(letter, { kind, format: 'record' })
    const found = readForeign(fullRecord('2', { headers }))
    assert.deepEqual(found, {
      from: 'millrace',
      origin: 'shop/orders',
      position: { topic: 'orders', partition: 1, offset: 2 },
      failedAt: letter.parkedAt,
      group: 'shop.charge',
      error: { name: 'TypeError', message: 'cannot charge order 17' },
    })
  }
})

test('headers of other types, broken ones and hostile ones are a plain record, or what can be read of them', () => {
  const odd: readonly Readonly<Record<string, HeaderValue>>[] = [
    {},
    { 'x-death': 'text' },
    { 'x-death': [] },
    { 'x-death': [null, 7, 'x', new Date(Number.NaN)] },
    { 'NServiceBus.FailedQ': 7 },
    { 'MT-Fault-ExceptionType': null },
    { '__connect.errors.topic': [1] },
    { 'millrace-dead-source': { a: 1 } },
  ]
  for (const headers of odd) assert.equal(of(headers).from, 'plain', JSON.stringify(Object.keys(headers)))
  assert.deepEqual(
    of({ 'millrace-dead-source': 's/q', 'millrace-dead-position': '{"__proto__":{"x":1},"n":[1]}' }).position,
    {},
  )
  assert.equal(of({ '__connect.errors.topic': 't', '__connect.errors.offset': '-' }).position?.offset, undefined)
})

test('the headers that tell of a failure are known, and no others', () => {
  const telling = [
    'x-death',
    'x-first-death-queue',
    'kafka_dlt-exception-message',
    'MT-Fault-Message',
    'MT-Reason',
    'NServiceBus.FailedQ',
    '__connect.errors.topic',
    'millrace-dead-id',
  ]
  assert.ok(telling.every(tellsOfFailure))
  assert.ok(!['x-deaths', 'NServiceBus.MessageId', 'MT-Activity-Id', 'trace', 'millrace-replays'].some(tellsOfFailure))
})
