import assert from 'node:assert/strict'
import { test } from 'node:test'
import { embedded } from '../../../connectors/embedded/channel.ts'
import { problemText } from '../../../core/config/problem.ts'
import { validateConfig } from '../../../core/config/validate.ts'
import type { EventRecord } from '../../../core/contract.ts'
import { recordFilter } from '../../../core/event/filtered.ts'
import { compileFilter } from '../../../core/filter/filter.ts'
import { testApp } from '../../../core/testing/index.ts'

const RECORD: EventRecord = {
  id: 'r1',
  idStrength: 'stable',
  source: 'shop/orders',
  time: 1_700_000_000_000,
  key: Buffer.from('customer-7'),
  headers: [
    ['kind', Buffer.from('refund')],
    ['kind', 'again'],
    ['tries', 3],
  ],
  properties: { contentType: 'application/json', priority: 5 },
  body: Buffer.from('{"total":12.5,"state":"paid"}'),
  position: { topic: 'orders', partition: 4, offset: '17' },
}
const CHANNEL = { address: 'shop/orders', codec: 'json' } as const

const MATCHING: Readonly<Record<string, object>> = {
  data: { data: { total: [{ numeric: ['>', 10] }] } },
  'a key of bytes': { key: [{ prefix: 'customer-' }] },
  'a header of bytes, and a repeated one': { headers: { kind: ['again'] } },
  'a number in a header': { headers: { tries: [3] } },
  'a property': { properties: { priority: [{ numeric: ['>=', 5] }] } },
  'a position': { position: { partition: [4], offset: ['17'] } },
  'id, source and time': { id: ['r1'], source: [{ suffix: '/orders' }], time: [{ prefix: '2023-11-14' }] },
}
for (const [what, pattern] of Object.entries(MATCHING))
  test(`a pattern on ${what}`, () => {
    assert.equal(recordFilter(CHANNEL, [compileFilter(pattern)])(RECORD), 'matches')
    const other = compileFilter({ key: ['someone else'] })
    assert.equal(recordFilter(CHANNEL, [other])(RECORD), 'filtered')
    assert.equal(recordFilter(CHANNEL, [other, compileFilter(pattern)])(RECORD), 'matches')
  })

test('a body is read only where a pattern asks for it, and one that cannot be read is told, not filtered', async () => {
  const poison = { ...RECORD, body: Buffer.from('{"half') }
  assert.equal(recordFilter(CHANNEL, [compileFilter({ key: ['x'] })])(poison), 'filtered')
  const verdict = await recordFilter(CHANNEL, [compileFilter({ data: { a: [1] } })])(poison)
  assert.ok(typeof verdict === 'object' && verdict.error.code === 'RECORD_UNDECODABLE')
  const codec = { decode: async () => ({ a: 1 }), encode: () => new Uint8Array() }
  const asynchronous = recordFilter({ ...CHANNEL, codec }, [compileFilter({ data: { a: [1] } })])(poison)
  assert.ok(asynchronous instanceof Promise)
  assert.equal(await asynchronous, 'matches')
  assert.equal(
    recordFilter(CHANNEL, [compileFilter({ data: [{ exists: false }] })])({ ...RECORD, body: null }),
    'filtered',
  )
})

test('mappings on one topic share its records by their filters', async () => {
  const local = embedded()
  const orders = local.topic('orders')
  const seen: Record<string, unknown[]> = { large: [], refunds: [], rest: [] }
  const mapping = (name: string, filter?: object) => ({
    source: orders,
    filter,
    function: (records: readonly { data: unknown }[]) => void seen[name]?.push(...records.map(({ data }) => data)),
  })
  const app = await testApp({
    name: 'shop',
    mappings: {
      large: mapping('large', { data: { total: [{ numeric: ['>=', 100] }] } }),
      refunds: mapping('refunds', [{ headers: { kind: ['refund'] } }, { key: [{ prefix: 'refund-' }] }]),
      rest: mapping('rest'),
    },
  })
  await app.send(orders, [
    { data: { total: 5 } },
    { data: { total: 500 } },
    { data: { total: 1 }, headers: [['kind', 'refund']] },
    { data: { total: 2 }, key: 'refund-9' },
  ])
  await app.idle()
  assert.deepEqual(
    Object.fromEntries(
      Object.entries(seen).map(([name, data]) => [name, data.map(each => (each as { total: number }).total)]),
    ),
    { large: [500], refunds: [1, 2], rest: [5, 500, 1, 2] },
  )
  assert.deepEqual(
    app.status().mappings.map(({ name, counts }) => [name, counts.filtered]),
    [
      ['large', 3],
      ['refunds', 2],
      ['rest', 0],
    ],
  )
  await app.stop()
})

test('a filter that is no pattern, or on what no record has, is a problem of the configuration', () => {
  const source = embedded().queue('orders')
  const problems = (filter: unknown): readonly string[] => {
    const mappings = { charge: { source, filter, function: () => {} } }
    const validation = validateConfig({ name: 'shop', mappings }, { folder: '/' })
    return validation.ok ? [] : validation.problems.map(problemText)
  }
  assert.deepEqual(problems({ data: { a: 1 } }), [
    'mappings.charge.filter.data.a must be a list of values, or an object of fields, got 1',
  ])
  assert.deepEqual(problems([{ key: ['a'] }, { body: { a: [1] } }]), [
    'mappings.charge.filter.1.body is nothing that a record has; known here: data, id, source, time, key, headers, properties, position',
  ])
  assert.match(problems('x')[0] ?? '', /mappings\.charge\.filter must be a pattern, or a list of 1 to 10, got 'x'/)
  assert.match(problems(Array(11).fill({ key: ['a'] }))[0] ?? '', /a list of 1 to 10/)
  assert.deepEqual(problems({ data: { a: [1] } }), [])
})
