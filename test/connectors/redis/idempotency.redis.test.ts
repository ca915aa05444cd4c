import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { keyAdvice } from '../../../connectors/redis/advice.ts'
import { redis } from '../../../connectors/redis/channel.ts'
import { redisIdempotency } from '../../../connectors/redis/idempotency.ts'
import { redisKey } from '../../../connectors/redis/idempotency-values.ts'
import { logTo } from '../../../core/log.ts'
import { idempotencyContract } from '../../../core/testing/idempotency/idempotency-contract.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { openProxy } from '../../support/proxy.ts'
import { until } from '../../support/until.ts'

const broker = sharedBroker('redis')
const skip = broker.missing

/** A store in a database of its own: keys of the suite have the same names each time. */
const openTest = async (context: { after(run: () => unknown): void }, db: number) => {
  const { url } = await broker.address()
  const raw = new Redis(url, { db })
  await raw.flushdb()
  const open = () => {
    const store = redisIdempotency(redis('cache', { url, db }))
    context.after(() => store.close())
    return store
  }
  context.after(() => raw.disconnect())
  return { raw, open }
}

if (skip) test('idempotency keys in redis', { skip }, () => {})
else
  idempotencyContract('redis', async context => {
    const { raw, open } = await openTest(context, 1)
    return {
      store: open(),
      elsewhere: open(),
      pass: pause,
      spoil: async key => void (await raw.set(redisKey(key), '{"state":')),
    }
  })

test('what is no text, and what was cut short, is unreadable', { skip }, async context => {
  const { raw, open } = await openTest(context, 2)
  const store = open()
  await raw.rpush(redisKey('c:list'), 'x')
  await raw.set(redisKey('c:short'), 'c0001')
  await raw.set(redisKey('c:long'), `z${'0'.repeat(60)}`)
  for (const name of ['list', 'short', 'long']) {
    const [answer] = await store.claim([{ key: `c:${name}`, fingerprint: '' }], { owner: 'o', leaseMs: 1_000 })
    assert.equal(answer?.kind, 'unreadable', name)
    assert.equal((await store.show(`c:${name}`))?.state, 'unreadable')
  }
})

test('wherever a value was cut before its result, it is unreadable, and its claim free for nobody', {
  skip,
}, async context => {
  const { raw, open } = await openTest(context, 2)
  const store = open()
  const key = 'c:cut'
  const by = { owner: 'me', leaseMs: 60_000 }
  const kindNow = async () => (await store.claim([{ key, fingerprint: 'print' }], { ...by, owner: 'other' }))[0]?.kind
  const [claimed] = await store.claim([{ key, fingerprint: 'print' }], by)
  assert.ok(claimed?.kind === 'claimed')
  const write = { kind: 'complete', key, fingerprint: 'print', result: 'r', ttlMs: 60_000, ...by } as const
  for (const state of ['busy', 'done'] as const) {
    if (state === 'done') await store.write([{ ...write, fence: claimed.fence }])
    const value = (await raw.getBuffer(redisKey(key))) as Buffer
    const told = value.length - (state === 'done' ? 'r' : 'print').length
    for (let bytes = 0; bytes < told; bytes += 1) {
      await raw.set(redisKey(key), value.subarray(0, bytes))
      assert.equal(await kindNow(), 'unreadable', `${state}, cut after ${bytes} of ${value.length} bytes`)
    }
    await raw.set(redisKey(key), value)
    assert.equal(await kindNow(), state)
  }
})

test('a claim that Redis evicted goes to the next, and its owner completes nothing', { skip }, async context => {
  const { raw, open } = await openTest(context, 2)
  const [store, other] = [open(), open()]
  const key = 'c:evicted'
  const [first] = await store.claim([{ key, fingerprint: '' }], { owner: 'one', leaseMs: 60_000 })
  await raw.del(redisKey(key))
  const [second] = await other.claim([{ key, fingerprint: '' }], { owner: 'two', leaseMs: 60_000 })
  assert.ok(first?.kind === 'claimed' && second?.kind === 'claimed' && second.fence > first.fence)
  const write = { kind: 'complete', key, fingerprint: '', result: '', ttlMs: 1_000 } as const
  assert.deepEqual(await store.write([{ ...write, owner: 'one', fence: first.fence }]), ['lost'])
  assert.deepEqual(await other.write([{ ...write, owner: 'two', fence: second.fence }]), ['held'])
})

test('a connection that breaks rejects what was under way, and the next question finds another', {
  skip,
}, async context => {
  const { url } = await broker.address()
  const proxy = await openProxy(context, { to: Number(new URL(url).port) })
  const store = redisIdempotency(redis('cache', { host: '127.0.0.1', port: proxy.port }))
  context.after(() => store.close())
  const claim = (key: string) =>
    store.claim([{ key: `broken:${key}`, fingerprint: '' }], { owner: 'o', leaseMs: 1_000 })
  await claim(randomUUID())
  proxy.reset()
  await claim(randomUUID()).catch(error => assert.equal(error.code, 'IDEMPOTENCY_STORE_FAILED'))
  await until('it answers again', async () => (await claim(randomUUID()).catch(() => undefined)) !== undefined)
})

test('keys of several consumers in one call are answered each in its place', { skip }, async context => {
  const { open } = await openTest(context, 2)
  const store = open()
  const keys = Array.from({ length: 30 }, (_, index) => `consumer${index % 3}:${index}`)
  await store.claim([{ key: keys[4] ?? '', fingerprint: '' }], { owner: 'other', leaseMs: 60_000 })
  const answers = await store.claim(
    keys.map(key => ({ key, fingerprint: '' })),
    { owner: 'o', leaseMs: 60_000 },
  )
  assert.deepEqual(
    answers.flatMap(({ kind }, index) => (kind === 'busy' ? [index] : [])),
    [4],
  )
})

test('a server that may forget keys is told of when it is opened', { skip: broker.missingOwn }, async context => {
  assert.deepEqual(keyAdvice({ maxmemory: '0', 'maxmemory-policy': 'noeviction', appendonly: 'yes' }), [])
  assert.equal(keyAdvice({ 'maxmemory-policy': 'allkeys-lru', appendonly: 'no' }).length, 2)
  const { raw } = await openTest(context, 2)
  await raw.config('SET', 'maxmemory-policy', 'volatile-lru')
  const warned: string[] = []
  const log = logTo((level, message) => void (level === 'warn' && warned.push(message)))
  const store = redisIdempotency(redis('cache', { url: (await broker.address()).url, db: 2 }), { log })
  context.after(() => store.close())
  await store.show('c:x')
  await raw.config('SET', 'maxmemory-policy', 'noeviction')
  assert.match(warned.join('\n'), /maxmemory-policy is volatile-lru.*set noeviction/)
})
