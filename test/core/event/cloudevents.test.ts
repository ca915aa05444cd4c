/** CloudEvents, beyond the examples in docs/event-formats.md. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventRecord } from '../../../core/contract.ts'
import type { CodecName } from '../../../core/engine/contract.ts'
import { batchOf, given, record } from './examples.ts'

type Event = Readonly<Record<string, unknown>>

const batch = (change: Partial<EventRecord>, codec: CodecName = 'json') =>
  batchOf('cloudevents', 'rabbitmq/queue', [given(record(change))], { codec })

const event = (change: Partial<EventRecord>, codec?: CodecName): Event => {
  const made = batch(change, codec)
  assert.deepEqual(made.refused, [])
  return (made.event as readonly Event[])[0] ?? {}
}

const problem = (change: Partial<EventRecord>): string => {
  const made = batch(change)
  assert.equal(made.event, undefined)
  assert.equal(made.refused[0]?.verdict, 'undecodable')
  return made.refused[0]?.error.message ?? ''
}

test('data is JSON, a text or base64, as the content type says, else the channel', () => {
  const data = (change: Partial<EventRecord>, codec?: CodecName) => {
    const { data, data_base64, datacontenttype } = event(change, codec)
    return [datacontenttype, data ?? data_base64]
  }
  assert.deepEqual(data({}), ['application/json', { total: 42 }])
  assert.deepEqual(data({ body: Buffer.from('hi') }, 'text'), ['text/plain', 'hi'])
  assert.deepEqual(data({ body: Buffer.from('hi') }, 'bytes'), ['application/octet-stream', 'aGk='])
  assert.deepEqual(data({ headers: [['content-type', 'text/csv']], body: Buffer.from('a,b') }), ['text/csv', 'a,b'])
  assert.deepEqual(data({ properties: { contentType: 'image/png' }, body: Buffer.from('x') }), ['image/png', 'eA=='])
  assert.deepEqual(data({ properties: { contentType: 'text/plain' }, body: Uint8Array.of(0xff) }), [
    'text/plain',
    '/w==',
  ])
  assert.deepEqual(data({ body: null }), [undefined, undefined])
  assert.match(
    problem({ body: Buffer.from('{') }),
    /shop\/orders: the body is not JSON, as its content type application\/json says/,
  )
})

test('source and id are the record’s own, in every delivery; the type is the message’s, or the place’s', () => {
  const made = event({ source: 'shop/a b/c', id: 'x', properties: { type: 'order.paid' } })
  assert.deepEqual([made.source, made.id, made.type], ['rabbitmq://shop/a%20b/c', 'x', 'order.paid'])
  assert.equal(event({}).type, 'millrace.rabbitmq.queue')
  assert.equal(event({ time: 9e18 }).time, undefined)
})

test('AMQP’s binding is understood with a colon and with an underscore, HTTP’s with its encoding', () => {
  const headers = (prefix: string): EventRecord['headers'] => [
    [`${prefix}specversion`, '1.0'],
    [`${prefix}id`, '1'],
    [`${prefix}source`, '/s'],
    [`${prefix}type`, 't'],
    [`${prefix}subject`, 'caf%C3%A9 100%'],
    [`${prefix}severity`, 3],
  ]
  for (const prefix of ['cloudEvents:', 'cloudEvents_', 'ce_']) {
    const made = event({ headers: headers(prefix) })
    assert.deepEqual(
      [made.id, made.source, made.type, made.subject, made.severity],
      ['1', '/s', 't', 'caf%C3%A9 100%', 3],
    )
  }
  assert.equal(event({ headers: [...headers('ce-'), ['ce-subject', 'caf%C3%A9']] }).subject, 'café')
  assert.equal(event({ headers: headers('ce-') }).subject, 'caf%C3%A9 100%')
})

test('an event of its own content type is the body, and what it brings stays', () => {
  const made = event({
    headers: [['content-type', 'Application/CloudEvents+JSON; charset=utf-8']],
    body: Buffer.from('{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"eA==","attempt":"mine"}'),
  })
  assert.deepEqual([made.id, made.data_base64, made.attempt, made.recordid], ['1', 'eA==', 'mine', 'o-1'])
})

const STRUCTURED = [['content-type', 'application/cloudevents+json']] as const

for (const [what, change, says] of [
  ['another version', { headers: [['ce_specversion', '0.3']] }, /specversion is "0\.3"; expected "1\.0"/],
  [
    'a required attribute that is missing',
    {
      headers: [
        ['ce_specversion', '1.0'],
        ['ce_id', '1'],
      ],
    },
    /has no source, which every CloudEvent has/,
  ],
  ['a body that is no object', { headers: STRUCTURED, body: Buffer.from('[]') }, /not a JSON object/],
  ['a tombstone', { headers: STRUCTURED, body: null }, /not a JSON object/],
  [
    'an event without an id',
    { headers: STRUCTURED, body: Buffer.from('{"specversion":"1.0","source":"s","type":"t"}') },
    /it has no id/,
  ],
  [
    'a batch',
    { headers: [['content-type', 'application/cloudevents-batch+json']] },
    /application\/cloudevents\+json is read/,
  ],
] as const)
  test(`${what} is no CloudEvent, and is refused`, () => {
    assert.match(problem(change as Partial<EventRecord>), says)
  })

const answer = (...identifiers: readonly unknown[]) => ({
  batchItemFailures: identifiers.map(itemIdentifier => ({ itemIdentifier, retryable: false })),
})

const two = (ids: readonly [string, string], eventIds: readonly [string, string]) =>
  batchOf(
    'cloudevents',
    'kafka/topic',
    [0, 1].map(index =>
      given(
        record({
          id: ids[index] ?? '',
          headers: [
            ['ce_specversion', '1.0'],
            ['ce_id', eventIds[index] ?? ''],
            ['ce_source', `/${index}`],
            ['ce_type', 't'],
          ],
        }),
      ),
    ),
  )

test('an event is named by its id or its recordid, and an answer keeps all else it says', () => {
  const batch = two(['o/1', 'o/2'], ['A', 'B'])
  for (const identifier of ['B', 'o/2'])
    assert.deepEqual(batch.readAnswer(answer(identifier)), {
      ok: true,
      value: { batchItemFailures: [{ itemIdentifier: 'o/2', retryable: false }] },
    })
})

test('an id that several events have names none of them; their recordids do', () => {
  const batch = two(['o/1', 'o/2'], ['A', 'A'])
  const read = batch.readAnswer(answer('A'))
  assert.ok(!read.ok)
  assert.match(read.problem, /itemIdentifier "A" names 2 events of the batch; name them by their recordid/)
  assert.ok(batch.readAnswer(answer('o/2')).ok)
  assert.ok(!two(['o/1', 'A'], ['A', 'B']).readAnswer(answer('A')).ok)
})

test('what is no answer is handed on as it is, to be refused where answers are read', () => {
  const batch = two(['o/1', 'o/2'], ['A', 'B'])
  for (const value of ['x', [], { batchItemFailures: 'x' }, answer('nobody'), answer(7)])
    assert.deepEqual(batch.readAnswer(value), { ok: true, value })
})
