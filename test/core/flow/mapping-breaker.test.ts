import assert from 'node:assert/strict'
import { test } from 'node:test'
import { numbered } from './feed.ts'
import { ACCEPT, named, setUp, THROW } from './running.ts'

test('an outage over a batch is found out in few invocations, not in one for every half', async () => {
  const { mapping, send, pass, invoked, letters } = await setUp({
    policy: { batchSize: 100, breaker: { failures: 10, initialMs: 1_000, maxMs: 8_000 }, maxAttempts: 3 },
    answer: () => THROW,
  })
  await send(...numbered(100))
  await mapping.start()
  await pass(500)
  assert.equal(mapping.status().breaker, 'open')
  assert.ok(invoked.length <= 1 + 14 + 7, `${invoked.length} invocations`)
  await pass(60_000)
  const probes = invoked.filter(({ atMs }) => atMs > 500)
  assert.ok(
    probes.every(({ ids }) => !ids.includes(' ')),
    'a probe is one record',
  )
  assert.ok(probes.length <= 4 + 60 / 8, `${probes.length} probes in a minute`)
  assert.equal(letters.size, 0)
  const stopped = mapping.stop()
  await pass(10_000)
  await stopped
})

test('a probe is free: it does not use up the last attempt of a record without an order', async () => {
  const { mapping, send, pass, letters, invoked } = await setUp({
    policy: { breaker: { failures: 1, initialMs: 1_000, maxMs: 1_000 }, maxAttempts: 2, batchSize: 1 },
    answer: ids => named(...ids),
  })
  await send('a')
  await mapping.start()
  await pass(20_000)
  assert.ok(invoked.length > 10)
  assert.equal(letters.size, 0)
  await mapping.stop()
})

test('the head of a lane is parked after maxAttempts probes, and the breaker stays open', async () => {
  const { mapping, send, pass, letters } = await setUp({
    type: 'stream',
    policy: { order: 'lane', breaker: { failures: 1, initialMs: 1_000, maxMs: 1_000 }, maxAttempts: 3, batchSize: 1 },
    answer: ids => named(...ids),
  })
  await send('a', 'b')
  await mapping.start()
  await pass(3_900)
  assert.deepEqual([...letters.keys()], ['a'])
  assert.equal(mapping.status().breaker, 'open')
  await mapping.stop()
})

test('an open breaker asks for another record to probe with, so that one poisonous record cannot keep it open', async () => {
  const { mapping, send, pass } = await setUp({
    policy: { breaker: { failures: 1, initialMs: 1_000, maxMs: 1_000 }, maxAttempts: 5, batchSize: 1 },
    answer: ids => (ids.includes('poison') ? named('poison') : ACCEPT),
  })
  await send('poison')
  await mapping.start()
  await pass(5_500)
  assert.equal(mapping.status().breaker, 'open')
  await send('fine')
  await pass(2_000)
  assert.equal(mapping.status().counts.accepted, 1)
  await mapping.stop()
})

test('a success between failures keeps the breaker closed', async () => {
  const { mapping, send, pass } = await setUp({
    policy: { breaker: { failures: 2, initialMs: 60_000, maxMs: 60_000 }, batchSize: 1 },
    answer: ids => (ids.includes('fine') ? ACCEPT : named(...ids)),
  })
  await send('a', 'fine', 'b')
  await mapping.start()
  await pass(500)
  assert.equal(mapping.status().breaker, 'closed')
  await mapping.stop()
})

test('time while the breaker was open does not count toward maxAge', async () => {
  const { mapping, send, pass, letters, invoked } = await setUp({
    policy: { breaker: { failures: 1, initialMs: 30_000, maxMs: 30_000 }, maxAgeMs: 10_000, maxAttempts: 5 },
    answer: () => (invoked.length === 1 ? named('a') : ACCEPT),
  })
  await send('a')
  await mapping.start()
  await pass(40_000)
  assert.equal(letters.size, 0)
  assert.equal(mapping.status().counts.accepted, 1)
  await mapping.stop()
})

test('an outage ages nothing that still lay in the broker either', async () => {
  const { mapping, send, pass, letters } = await setUp({
    policy: {
      batchSize: 1,
      maxInFlight: 1,
      breaker: { failures: 1, initialMs: 30_000, maxMs: 30_000 },
      maxAgeMs: 10_000,
    },
    answer: () => (mapping.status().counts.invocations === 0 ? THROW : ACCEPT),
  })
  await send('a', 'b', 'c')
  await mapping.start()
  await pass(40_000)
  assert.deepEqual([...letters.keys()], [])
  assert.equal(mapping.status().counts.accepted, 3)
  await mapping.stop()
})

test('an open breaker probes one record at a time, however long that takes', async () => {
  const { mapping, send, pass, invoked } = await setUp({
    policy: { breaker: { failures: 1, initialMs: 100, maxMs: 100 }, maxConcurrency: 5, batchSize: 1, maxAttempts: 9 },
    answer: ids => named(...ids),
    invokeMs: 1_000,
  })
  await send('a', 'b', 'c')
  await mapping.start()
  await pass(8_000)
  const probes = invoked.slice(3).map(({ atMs }) => atMs)
  assert.ok(probes.length > 3)
  assert.ok(probes.every((atMs, index) => index === 0 || atMs >= (probes[index - 1] ?? 0) + 1_100))
  const stopped = mapping.stop()
  await pass(5_000)
  await stopped
})
