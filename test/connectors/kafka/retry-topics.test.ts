/** Retry topics without a broker: their names, what they must be, and what travels with a record. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deferredRecord, restoredRecord } from '../../../connectors/kafka/deferred.ts'
import { headersOut } from '../../../connectors/kafka/headers.ts'
import { recordOf } from '../../../connectors/kafka/record.ts'
import { retryTopic, retryTopicsAmong, settingsProblem, stepFor } from '../../../connectors/kafka/retry-topics.ts'
import type { EventRecord } from '../../../core/contract.ts'

test('a retry topic is named by topic, group and step', () => {
  assert.equal(retryTopic('orders', 'billing', 600_000).topic, 'orders.retry.billing.10m')
})

test('names that Kafka would not take are made legal and stay different', () => {
  const names = ['a/b', 'a:b', 'a-b', 'x'.repeat(300), 'x'.repeat(301)].map(
    group => retryTopic('orders', group, 1_000).topic,
  )
  assert.equal(new Set(names).size, names.length)
  for (const name of names) assert.match(name, /^[\w.-]{1,249}$/)
})

test('a reader finds its own retry topics and those of no other', () => {
  const names = [
    'orders',
    'orders.retry.billing.1m',
    'orders.retry.billing.90s',
    'orders.retry.billing.5m.1m',
    'orders.retry.billing2.1m',
    'orders.retry.billing.notes',
    'more-orders.retry.billing.1m',
  ]
  assert.deepEqual(retryTopicsAmong(names, 'orders', 'billing'), [
    { topic: 'orders.retry.billing.1m', stepMs: 60_000 },
    { topic: 'orders.retry.billing.90s', stepMs: 90_000 },
  ])
})

test('a delay is rounded up to a step, beyond the last it is the last', () => {
  const steps = [1_000, 60_000].map(stepMs => retryTopic('orders', 'g', stepMs))
  const chosen = [0, 1_000, 1_001, 60_000, 99_000].map(delayMs => stepFor(steps, delayMs)?.stepMs)
  assert.deepEqual(chosen, [1_000, 1_000, 60_000, 60_000, 60_000])
})

const settings: readonly (readonly [
  what: string,
  changed: Readonly<Record<string, string>>,
  problem: RegExp | undefined,
])[] = [
  ['twice the step is enough', { 'retention.ms': '120000' }, undefined],
  ['less is not', { 'retention.ms': '119999' }, /retention\.ms must be at least 120000, .* got 119999/],
  ['kept for ever', { 'retention.ms': '-1' }, undefined],
  ['compaction drops records', { 'cleanup.policy': 'compact' }, /cleanup\.policy must be delete, got compact/],
  ['so does both', { 'cleanup.policy': 'compact,delete' }, /cleanup\.policy must be delete/],
  ['a limit of bytes drops records', { 'retention.bytes': '1000000' }, /retention\.bytes must be -1, got 1000000/],
]

for (const [what, changed, problem] of settings)
  test(`settings of a retry topic: ${what}`, () => {
    const all = { 'cleanup.policy': 'delete', 'retention.ms': '604800000', 'retention.bytes': '-1', ...changed }
    const found = settingsProblem(new Map(Object.entries(all)), 60_000)
    if (problem) assert.match(found ?? '', problem)
    else assert.equal(found, undefined)
  })

/** As the broker stores it and hands it back. */
const throughBroker = (record: ReturnType<typeof deferredRecord>): EventRecord =>
  recordOf(
    { topic: 'orders.retry.g.1m', partition: 1, address: 'shop/orders' },
    {
      key: record.key instanceof Uint8Array ? Buffer.from(record.key) : Buffer.from(record.key ?? ''),
      value: record.body === null ? null : Buffer.from(record.body),
      timestamp: '999',
      attributes: 0,
      offset: '77',
      headers: headersOut(record.headers ?? []),
    },
  )

const original: EventRecord = {
  id: 'orders/3/12@500',
  idStrength: 'stable',
  source: 'shop/orders',
  time: 500,
  key: Uint8Array.of(0xff, 0),
  headers: [
    ['trace', Uint8Array.of(1)],
    ['trace', Uint8Array.of(0, 255)],
    ['millrace-deferred', new Uint8Array(Buffer.from('of another cluster'))],
  ],
  body: Uint8Array.of(0, 0xfe),
  position: { topic: 'orders', partition: 3, offset: 12 },
}

test('a record comes back as it was, with what is known of it', () => {
  const deferred = { attempts: 4, firstSeen: 600, dueAt: 60_999 }
  const restored = restoredRecord(throughBroker(deferredRecord(original, deferred)))
  assert.deepEqual(restored, { record: original, deferred })
  assert.deepEqual(restoredRecord(throughBroker(deferredRecord(restored.record, deferred)))?.record, original)
})

for (const value of ['', 'text', '{"v":2}', '{"v":1,"id":"a","time":"late"}', 'null'])
  test(`what somebody else put into a retry topic is taken as it is: ${JSON.stringify(value)}`, () => {
    const stored = throughBroker({ key: 'k', body: null, headers: [['millrace-deferred', value]] })
    assert.equal(restoredRecord(stored), undefined)
  })
