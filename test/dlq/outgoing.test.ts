import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Header } from '../../core/contract.ts'
import { decodeLetter } from '../../dlq/envelope.ts'
import { letterToOutgoing } from '../../dlq/outgoing.ts'
import { readSpring } from '../../dlq/spring.ts'
import { fullRecord, letterFor } from '../support/letters.ts'

const KAFKA = { kind: 'kafka', format: 'record' } as const
const POSITION = { topic: 'orders', partition: 3, offset: 1_234_567_890_123 }
const record = fullRecord('1', { position: POSITION })
const long = 'x'.repeat(100_000)

const lastOf = (headers: readonly Header[] = [], name: string) => headers.findLast(([given]) => given === name)?.[1]

test('a copy has the bytes, key, properties and position of the record, and its own headers first', () => {
  const outgoing = letterToOutgoing(letterFor(record), { kind: 'rabbitmq', format: 'record' })
  const { key, body, properties, position, headers } = record
  assert.deepEqual(
    { ...outgoing, headers: outgoing.headers?.slice(0, headers.length) },
    { key, body, properties, position, headers },
  )
  assert.equal(lastOf(outgoing.headers, 'millrace-dead-reason'), 'exhausted')
  assert.equal(
    outgoing.headers?.some(([name]) => name.startsWith('kafka_')),
    false,
  )
})

test('headers stay small, however much an error says, and however often a record comes by', () => {
  const error = { name: long, message: long, stack: long }
  let letter = letterFor(record, { error, mapping: 'charge' })
  for (let rounds = 0; rounds < 5; rounds += 1) {
    const { headers = [] } = letterToOutgoing(letter, KAFKA)
    const size = headers.reduce((sum, [name, value]) => sum + name.length + String(value).length, 0)
    assert.ok(size < 20_000, `${size}`)
    letter = letterFor({ ...record, headers }, { error })
  }
})

test('on Kafka the story is told in Spring’s names too, the first origin and the last error', () => {
  const error = { name: 'Timeout', message: 'no answer', stack: 'Timeout: no answer\n    at charge' }
  const first = letterToOutgoing(letterFor(record, { error }), KAFKA)
  const again = fullRecord('2', {
    headers: first.headers ?? [],
    position: { topic: 'orders.dead', partition: 0, offset: 1 },
  })
  const second = letterToOutgoing(letterFor(again), KAFKA)
  assert.deepEqual(readSpring(first.headers ?? []), {
    topic: 'orders',
    partition: 3,
    offset: 1_234_567_890_123,
    time: 1_700_000_000_123,
    group: 'shop.charge',
    error,
  })
  const read = readSpring(second.headers ?? [])
  assert.deepEqual([read?.topic, read?.offset, read?.error.name], ['orders', 1_234_567_890_123, 'TypeError'])
  assert.equal(second.headers?.filter(([name]) => name === 'kafka_dlt-original-topic').length, 1)
})

test('as an envelope the body is the whole letter, stacks included', () => {
  const letter = letterFor(record)
  const outgoing = letterToOutgoing(letter, { kind: 'kafka', format: 'envelope' })
  assert.deepEqual(decodeLetter(new TextDecoder().decode(outgoing.body ?? undefined)), letter)
  assert.equal(lastOf(outgoing.headers, 'millrace-dead-format'), 'envelope')
  assert.equal(outgoing.properties, undefined)
})

test('headers that are not Spring’s, or broken, say nothing', () => {
  assert.equal(readSpring(record.headers), undefined)
  assert.deepEqual(
    readSpring([
      ['kafka_dlt-original-topic', 'orders'],
      ['kafka_dlt-original-offset', new Uint8Array(3)],
    ]),
    {
      topic: 'orders',
      error: { name: 'Error', message: '' },
    },
  )
})
