import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome } from '../../../core/engine/contract.ts'
import { numbered } from './feed.ts'
import { ACCEPT, named, setUp } from './running.ts'

const throttled = (retryAfterMs?: number): Outcome => ({
  kind: 'throttled',
  error: { name: 'NoRoom', message: 'come again' },
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
})

test('a batch for which there is no room comes again whole, when it was asked to, and is not charged', async () => {
  const { mapping, send, pass, invoked } = await setUp({
    policy: { batchSize: 3, maxAttempts: 1, breaker: { failures: 1, initialMs: 60_000, maxMs: 60_000 } },
    answer: (_ids, records) => {
      assert.ok(records.every(({ attempt }) => attempt === 1))
      return invoked.length < 3 ? throttled(20_000) : ACCEPT
    },
  })
  await send('a', 'b', 'c')
  await mapping.start()
  await pass(50_000)
  assert.deepEqual(invoked, [
    { atMs: 0, ids: 'a b c' },
    { atMs: 20_010, ids: 'a b c' },
    { atMs: 40_020, ids: 'a b c' },
  ])
  assert.equal(mapping.status().breaker, 'closed')
  assert.equal(mapping.status().counts.accepted, 3)
  await mapping.stop()
})

test('throttling that does not say for how long backs off, and one for too long starves its records', async () => {
  const { mapping, send, pass, invoked, letters } = await setUp({
    type: 'stream',
    policy: { order: 'lane', batchSize: 10, maxFreeWaitMs: 100_000 },
    answer: () => throttled(),
  })
  await send(...numbered(5))
  await mapping.start()
  await pass(60_000)
  assert.ok(invoked.length >= 5 && invoked.length <= 7, `${invoked.length} invocations`)
  assert.equal(mapping.status().lastError?.code, 'FUNCTION_THROTTLED')
  assert.equal(letters.size, 0)
  await pass(200_000)
  assert.deepEqual(new Set([...letters.values()].map(letter => letter.reason)), new Set(['starved']))
  await mapping.stop()
})

test('a probe for which there is no room is no success: the breaker stays open, and the pauses grow', async () => {
  const { mapping, send, pass, invoked } = await setUp({
    policy: { breaker: { failures: 1, initialMs: 1_000, maxMs: 8_000 }, batchSize: 1 },
    answer: ids => (invoked.length === 1 ? named(...ids) : throttled()),
  })
  await send('a')
  await mapping.start()
  await pass(20_000)
  assert.equal(mapping.status().breaker, 'open')
  assert.ok(invoked.length <= 6, `${invoked.length} invocations`)
  await mapping.stop()
})
