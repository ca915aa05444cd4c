import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome } from '../../../core/engine/contract.ts'
import { deliveryOf } from './entries.ts'
import { feed, numbered } from './feed.ts'
import { ACCEPT, named, setUp, THROW } from './running.ts'

test('one poison record among a hundred is found in 2·log2(n) splits, and takes nobody with it', async () => {
  const { mapping, send, pass, invoked, letters } = await setUp({
    policy: { batchSize: 100, maxAttempts: 1 },
    answer: ids => (ids.includes('r63') ? THROW : ACCEPT),
  })
  await send(...numbered(100))
  await mapping.start()
  await pass(5_000)
  assert.deepEqual([...letters.keys()], ['r63'])
  assert.equal(mapping.status().counts.accepted, 99)
  assert.ok(invoked.length <= 15, `${invoked.length} invocations`)
  await mapping.stop()
})

test('without bisect a lane waits for the longest delay of the batch that failed', async () => {
  const draws = [0.2, 0.9, 0.1]
  const { mapping, send, pass, invoked } = await setUp({
    type: 'stream',
    policy: { order: 'lane', bisect: false, backoff: { initialMs: 900, factor: 1, maxMs: 900, jitter: 'full' } },
    answer: () => (invoked.length === 1 ? THROW : ACCEPT),
    random: () => draws.shift() ?? 0.5,
  })
  await send('a', 'b', 'c')
  await mapping.start()
  await pass(20_000)
  assert.deepEqual(invoked, [
    { atMs: 0, ids: 'a b c' },
    { atMs: 10 + 810, ids: 'a b c' },
  ])
  await mapping.stop()
})

test('a key that failed waits, other keys and records without one go on', async () => {
  const { mapping, send, pass, invoked } = await setUp({
    policy: { order: 'key', batchSize: 1 },
    answer: ids =>
      ids.includes('a1') && invoked.filter(each => each.ids === 'a1').length === 1 ? named('a1') : ACCEPT,
  })
  await send('a1:a', 'a2:a', 'b1:b', 'n')
  await mapping.start()
  await pass(5_000)
  assert.equal(invoked.map(({ ids }) => ids).join(', '), 'a1, b1, n, a1, a2')
  await mapping.stop()
})

test('a record older than maxAge is parked at its turn, and its followers wait until it is', async () => {
  const answers: (() => void)[] = []
  const { mapping, send, pass, invoked } = await setUp({
    type: 'stream',
    policy: { order: 'lane', maxAgeMs: 5_000 },
    answer: () => ACCEPT,
    store: { park: () => new Promise(resolve => answers.push(() => resolve('parked'))) },
  })
  await send('old')
  await pass(6_000)
  await send('young')
  await mapping.start()
  await pass(1_000)
  assert.deepEqual(invoked, [])
  for (const answer of answers) answer()
  await pass(10)
  assert.equal(invoked.map(({ ids }) => ids).join(), 'young')
  await mapping.stop()
})

test('a record that can only be tried for free is parked as starved after maxFreeWait, not before', async () => {
  const { mapping, send, pass, letters } = await setUp({
    policy: { maxFreeWaitMs: 60_000, batchSize: 1 },
    answer: () => ({ kind: 'not-ready', error: { name: 'Init', message: 'no' } }),
  })
  await send('a')
  await mapping.start()
  await pass(55_000)
  assert.equal(letters.size, 0)
  assert.deepEqual([mapping.status().healthy, mapping.status().breaker], [false, 'open'])
  await pass(30_000)
  assert.equal(letters.get('a')?.reason, 'starved')
  assert.equal(letters.get('a')?.attempts.length, 0)
  await mapping.stop()
})

test('a lane whose head waits gives back what it claimed behind it', async () => {
  const { mapping, send, pass, invoked } = await setUp({
    type: 'stream',
    policy: { order: 'lane', batchSize: 2 },
    answer: () => (invoked.length === 1 ? named('a') : ACCEPT),
  })
  await send('a', 'b', 'c', 'd')
  await mapping.start()
  await pass(500)
  assert.deepEqual([mapping.status().inFlight, mapping.status().counts.released], [1, 3])
  await pass(5_000)
  assert.equal(invoked.map(({ ids }) => ids).join(', '), 'a b, a, b c, d')
  await mapping.stop()
})

test('a long wait goes to a source that can defer, a short one stays', async () => {
  const { mapping, send, pass, invoked } = await setUp({
    policy: { backoff: { initialMs: 3_000, factor: 2, maxMs: 60_000, jitter: 'none' } },
    answer: () => (invoked.length < 3 ? named('a') : ACCEPT),
  })
  await send('a')
  await mapping.start()
  await pass(100)
  assert.deepEqual([mapping.status().inFlight, mapping.status().counts.deferred], [1, 0])
  await pass(3_000)
  assert.deepEqual([mapping.status().inFlight, mapping.status().counts.deferred], [0, 1])
  await pass(10_000)
  assert.deepEqual(
    invoked.map(({ atMs }) => atMs),
    [0, 3_010, 9_020],
  )
  await mapping.stop()
})

const RETRY_IN_A_MINUTE: Outcome = {
  kind: 'answered',
  value: { batchItemFailures: [{ itemIdentifier: 'a', retryAfterMs: 60_000 }] },
  refused: [],
}

test('a wait longer than the last step of a source is deferred again and again, and tried at its end', async () => {
  const { mapping, send, pass, invoked, letters } = await setUp({
    policy: { maxAttempts: 2 },
    answer: () => (invoked.length === 1 ? RETRY_IN_A_MINUTE : named('a')),
    adaptSource: source => ({ ...source, deferStepsMs: [1_000, 10_000] }),
  })
  await send('a')
  await mapping.start()
  await pass(59_000)
  assert.deepEqual([mapping.status().inFlight, mapping.status().counts.deferred], [0, 6])
  await pass(60_000)
  assert.deepEqual(invoked[1]?.ids, 'a')
  assert.ok((invoked[1]?.atMs ?? 0) >= 60_010 && (invoked[1]?.atMs ?? 0) <= 70_020, `${invoked[1]?.atMs}`)
  assert.equal(letters.get('a')?.attempts.length, 2, 'what came back early is not charged')
  await mapping.stop()
})

test('a record with a weak id waits here where its source could not keep it for long enough', async () => {
  const { mapping, send, pass, invoked } = await setUp({
    answer: () => (invoked.length === 1 ? RETRY_IN_A_MINUTE : ACCEPT),
    adaptSource: source => ({
      ...source,
      deferStepsMs: [10_000],
      async poll(request) {
        const taken = await source.poll(request)
        return taken.map(each => ({ ...each, record: { ...each.record, idStrength: 'weak' } }))
      },
    }),
  })
  await send('a')
  await mapping.start()
  await pass(59_000)
  assert.deepEqual([mapping.status().inFlight, mapping.status().counts.deferred], [1, 0])
  await pass(2_000)
  assert.deepEqual(
    invoked.map(({ atMs }) => atMs),
    [0, 60_010],
  )
  await mapping.stop()
})

test('a lane waits for the rest of its time after a restart', async () => {
  const { mapping, again, send, pass, invoked } = await setUp({
    type: 'stream',
    policy: { order: 'lane' },
    answer: () => (invoked.length === 1 ? RETRY_IN_A_MINUTE : ACCEPT),
  })
  await send('a', 'b')
  await mapping.start()
  await pass(20_000)
  await mapping.stop()
  const next = again()
  await next.start()
  await pass(39_000)
  assert.deepEqual([invoked.length, next.status().blocked], [1, ['0']])
  await pass(2_000)
  assert.deepEqual(
    invoked.slice(1).map(({ atMs, ids }) => `${atMs} ${ids}`),
    ['60010 a', '60020 b'],
  )
  await next.stop()
})

test('the later records of a failed key are tried again, also those of another lane', async () => {
  const { source } = feed(deliveryOf('one', { key: 'k' }), deliveryOf('two', { key: 'k', lane: '1' }))
  const { mapping, pass, invoked } = await setUp({
    policy: { order: 'key' },
    answer: () => (invoked.length === 1 ? named('one') : ACCEPT),
    openSource: async () => source,
  })
  await mapping.start()
  await pass(5_000)
  assert.deepEqual(invoked.map(({ ids }) => ids).sort(), ['one', 'one two', 'two'])
  await mapping.stop()
})

test('a lane that took its share goes on as soon as it has room, not when the poll has waited', async () => {
  const { mapping, send, pass, invoked } = await setUp({
    type: 'stream',
    policy: { order: 'lane', batchSize: 5 },
    answer: () => ACCEPT,
  })
  await send(...numbered(60))
  await mapping.start()
  await pass(1_000)
  assert.equal(mapping.status().counts.accepted, 60)
  assert.equal(invoked.length, 12)
  await mapping.stop()
})
