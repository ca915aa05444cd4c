/** How keys that were claimed together are kept: what a server with its own clock shows of it, and what damage does. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { redis } from '../../../connectors/redis/channel.ts'
import { redisIdempotency } from '../../../connectors/redis/idempotency.ts'
import { redisKey } from '../../../connectors/redis/idempotency-values.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'

const broker = sharedBroker('redis')
const skip = broker.missing

const TTL_MS = 86_400_000
const BY = { owner: 'me', leaseMs: 60_000, ttlMs: TTL_MS }
const BRIEF = { ...BY, leaseMs: 80 }

const opened = async (context: TestContext) => {
  const { url } = await broker.address()
  const raw = new Redis(url, { db: 3 })
  await raw.flushdb()
  const store = redisIdempotency(redis('cache', { url, db: 3 }))
  context.after(async () => {
    await store.close()
    raw.disconnect()
  })
  /** Claims so many keys; answers how they are written. */
  const take = async (count: number, by = BY) => {
    const keys = Array.from({ length: count }, (_, index) => `c:${index}`)
    const answers = await store.claim(
      keys.map(key => ({ key, fingerprint: 'f' })),
      by,
    )
    const writes = <Kind extends 'complete' | 'renew'>(kind: Kind) =>
      keys.map((key, index) => {
        const answer = answers[index]
        assert.ok(answer?.kind === 'claimed', answer?.kind)
        return { kind, key, fence: answer.fence, fingerprint: 'f', result: '', ...by } as const
      })
    return {
      keys,
      complete: (from = 0, to = count) => store.write(writes('complete').slice(from, to)),
      renew: () => store.write(writes('renew')),
    }
  }
  const lots = () => raw.keys('millrace:key:lot:*')
  const leftMs = (key: string) => raw.pttl(key)
  const kinds = async (keys: readonly string[]) => {
    const claims = keys.map(key => ({ key, fingerprint: 'f' }))
    return (await store.claim(claims, { owner: 'other', leaseMs: 1_000 })).map(({ kind }) => kind).join(' ')
  }
  return { raw, store, take, lots, leftMs, kinds }
}

test('a batch is completed by one write, and its keys live as long as that', { skip }, async context => {
  const { take, lots, leftMs } = await opened(context)
  const { keys, complete, renew } = await take(100)
  assert.deepEqual(await lots(), [])
  await renew()
  await complete()
  const [lot = '', ...more] = await lots()
  assert.deepEqual(more, [])
  const lotLeftMs = await leftMs(lot)
  assert.ok(lotLeftMs > TTL_MS - 10_000 && lotLeftMs <= TTL_MS, String(lotLeftMs))
  for (const key of keys) assert.ok((await leftMs(redisKey(key))) >= lotLeftMs, key)
})

test('without a renewal too', { skip }, async context => {
  const { take, lots, leftMs } = await opened(context)
  const { keys, complete } = await take(2)
  await complete()
  const [lot = ''] = await lots()
  const lotLeftMs = await leftMs(lot)
  for (const key of keys) assert.ok((await leftMs(redisKey(key))) >= lotLeftMs, key)
})

test('after the lease was over each key is kept by itself: it may have less left than is to be remembered', {
  skip,
}, async context => {
  const { take, lots, leftMs, kinds } = await opened(context)
  const { keys, complete } = await take(3, BRIEF)
  await pause(BRIEF.leaseMs + 20)
  assert.deepEqual(await complete(), ['held', 'held', 'held'])
  assert.deepEqual(await lots(), [])
  for (const key of keys) assert.ok((await leftMs(redisKey(key))) > TTL_MS - 10_000, key)
  assert.equal(await kinds(keys), 'done done done')
})

test('one key, keys of which nothing is said, and more than have places are kept one by one', {
  skip,
}, async context => {
  const { store, raw, lots } = await opened(context)
  const some = Array.from({ length: 10_001 }, (_, index) => ({ key: `c:${index}`, fingerprint: '' }))
  const { owner, leaseMs } = BY
  for (const [claims, by] of [
    [some.slice(0, 1), BY],
    [some.slice(0, 3), { owner, leaseMs }],
    [some, BY],
  ] as const) {
    await raw.flushdb()
    const answers = await store.claim(claims, by)
    const writes = claims.map((claim, index) => {
      const answer = answers[index]
      assert.ok(answer?.kind === 'claimed')
      return { kind: 'complete', ...claim, owner, fence: answer.fence, result: '', ttlMs: TTL_MS } as const
    })
    assert.deepEqual(new Set(await store.write(writes)), new Set(['held']))
    assert.deepEqual(await lots(), [])
  }
})

test('a lot of the most keys that have places', { skip }, async context => {
  const { store, take, lots, kinds } = await opened(context)
  const { keys, complete } = await take(9_999)
  assert.deepEqual(new Set(await complete()), new Set(['held']))
  assert.equal((await lots()).length, 1)
  assert.equal(await kinds([...keys, 'c:new']), `${'done '.repeat(9_999)}claimed`)
  assert.equal((await store.show(keys[9_998] ?? ''))?.state, 'done')
})

test('a lot that Redis evicted is one of which nothing is done: its keys go to the next when their lease is over', {
  skip,
}, async context => {
  const { raw, take, lots, kinds } = await opened(context)
  const { keys, complete } = await take(3, { ...BRIEF, leaseMs: 2_000 })
  await complete()
  await raw.del(...(await lots()))
  assert.equal(await kinds(keys), 'busy busy busy')
  await pause(2_020)
  assert.equal(await kinds(keys), 'claimed claimed claimed')
})

test('a lot that is no text makes its keys unreadable and no others, and what is completed is kept by itself', {
  skip,
}, async context => {
  const { raw, store, take, lots, kinds } = await opened(context)
  const { keys, complete } = await take(4)
  await complete(0, 2)
  const [lot = ''] = await lots()
  await raw.del(lot)
  await raw.rpush(lot, 'x')
  assert.equal(await kinds([...keys, 'c:new']), 'unreadable unreadable unreadable unreadable claimed')
  assert.equal((await store.show('c:0'))?.state, 'unreadable')
  assert.deepEqual(await complete(1, 3), ['held', 'held'])
  assert.equal(await kinds(keys), 'unreadable done done unreadable')
  assert.equal((await store.show('c:1'))?.state, 'done')
})
