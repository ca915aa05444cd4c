import assert from 'node:assert/strict'
import { test } from 'node:test'
import { embedded } from '../../../connectors/embedded/channel.ts'
import { kafka } from '../../../connectors/kafka/channel.ts'
import { postgres } from '../../../connectors/postgres/channel.ts'
import { redis } from '../../../connectors/redis/channel.ts'
import { defineConfig } from '../../../core/config/define.ts'
import { validateConfig } from '../../../core/config/validate.ts'

const orders = embedded().queue<{ id: string }>('orders')
const source = orders
const handler = async () => {}

const check = (mapping: object, top: object = {}) =>
  validateConfig({ name: 'shop', ...top, mappings: { charge: { source, function: handler, ...mapping } } })

const problems = (mapping: object, top: object = {}): readonly string[] => {
  const checked = check(mapping, top)
  return checked.ok ? [] : checked.problems.map(({ path, message }) => `${path} ${message}`)
}

test('idempotency has a key and defaults for the rest; without it a mapping has none', () => {
  const checked = check({ idempotency: { key: 'record.id' } })
  assert.ok(checked.ok)
  const { idempotency } = checked.config.mappings[0] ?? {}
  assert.deepEqual(idempotency, {
    key: 'record.id',
    ttl: 7 * 86_400_000,
    lease: 30_000,
    validate: true,
    store: undefined,
    onStoreError: 'fail',
  })
  const without = check({})
  assert.ok(without.ok && without.config.mappings[0]?.idempotency === undefined)
})

test('defaults give it to all mappings, and a mapping may say otherwise', () => {
  const checked = check({ idempotency: { ttl: '1d' } }, { defaults: { idempotency: { key: 'data.id', lease: '5s' } } })
  assert.ok(checked.ok)
  const { key, ttl, lease } = checked.config.mappings[0]?.idempotency ?? {}
  assert.deepEqual([key, ttl, lease], ['data.id', 86_400_000, 5_000])
})

test('a store is a Redis or PostgreSQL connection, known to the configuration like any other', () => {
  const [cache, database] = [redis('cache', { url: 'redis://localhost' }), postgres('main', { host: 'localhost' })]
  const checked = check({ idempotency: { key: 'key', store: cache } }, { idempotency: { store: database } })
  assert.ok(checked.ok)
  assert.deepEqual([...checked.config.connections.keys()].sort(), ['cache', 'local', 'main'])
  assert.equal(checked.config.idempotency.store?.name, 'main')
  assert.deepEqual(problems({ idempotency: { key: 'key', store: redis('cache', { port: 0 }) } }), [
    'connections.cache.port must be between 1 and 65535, got 0',
  ])
})

for (const [what, mapping, expected] of [
  ['no key', {}, /^mappings\.charge\.idempotency\.key is missing; it must be 'record\.id'/],
  [
    'a path to nowhere',
    { key: 'dat.id' },
    /^mappings\.charge\.idempotency\.key must be 'record\.id', .* got 'dat\.id'/,
  ],
  ['no duration', { key: 'id', ttl: 'week' }, /idempotency\.ttl must be a duration between 1s and 3650d/],
  ['a name that is none', { key: 'id', tll: '1d' }, /idempotency\.tll is not an option; did you mean ttl\?/],
  [
    'another broker',
    { key: 'id', store: kafka('k', { brokers: 'k:1' }) },
    /store must be a Redis or PostgreSQL connection/,
  ],
  ['a channel', { key: 'id', store: redis('r').list('l') }, /store must be a Redis or PostgreSQL connection/],
  ['a word', { key: 'id', onStoreError: 'skip' }, /onStoreError must be one of 'fail', 'run'/],
] as const)
  test(`${what}: a problem that says so`, () => {
    const [first = '', ...rest] = problems({ idempotency: mapping })
    assert.match(first, expected)
    assert.deepEqual(rest, [])
  })

test('slips do not type-check', () => {
  const mapping = { source, function: handler }
  defineConfig({
    name: 'shop',
    idempotency: { store: redis('cache') },
    mappings: { charge: { ...mapping, idempotency: { key: ({ data, id }) => (data ? id : 'x'), ttl: '7d' } } },
  })
  // @ts-expect-error there is no idempotency without a key
  defineConfig({ name: 'shop', mappings: { charge: { ...mapping, idempotency: { ttl: '7d' } } } })
  // @ts-expect-error a path begins with what a record has
  defineConfig({ name: 'shop', mappings: { charge: { ...mapping, idempotency: { key: 'dat.id' } } } })
  // @ts-expect-error Kafka keeps no keys
  defineConfig({ name: 'shop', idempotency: { store: kafka('k', { brokers: 'k:1' }) }, mappings: {} })
  assert.ok(true)
})
