import assert from 'node:assert/strict'
import { brief, claim, complete, KEY, LONG_MS, one, other, release, renew, SHORT_MS, take, write } from './claiming.ts'
import type { IdempotencyCase } from './harness.ts'

export const writeCases: readonly IdempotencyCase[] = [
  {
    promise: 'whoever lost a claim completes, releases and renews nothing any more',
    async run({ store, elsewhere, pass }) {
      const stale = await take(store, brief)
      await pass(SHORT_MS + 20)
      const fence = await take(elsewhere, other)
      const late = [complete(brief, stale, { result: 'v"late"' }), release(brief, stale), renew(brief, stale)]
      for (const each of late) assert.deepEqual(await write(store, each), ['lost'])
      assert.equal((await claim(store, one)).kind, 'busy', 'the new one still has it')
      assert.deepEqual(await write(elsewhere, complete(other, fence, { result: 'v"right"' })), ['held'])
      for (const each of late) assert.deepEqual(await write(store, each), ['lost'])
      assert.deepEqual(await claim(store, one), { kind: 'done', fingerprint: 'f', result: 'v"right"' })
    },
  },
  {
    promise: 'a write is refused for another owner, for another fence, and for a key that nobody has',
    async run({ store }) {
      const fence = await take(store, one)
      for (const wrong of [
        complete(other, fence),
        release(other, fence),
        renew(other, fence),
        complete(one, fence + 1),
        release(one, fence - 1),
        renew(one, fence + 1),
        complete(one, fence, { key: 'shop.charge:unknown' }),
        release(one, fence, 'shop.charge:unknown'),
      ])
        assert.deepEqual(await write(store, wrong), ['lost'], JSON.stringify(wrong))
      assert.equal((await claim(store, other)).kind, 'busy')
    },
  },
  {
    promise: 'a claim whose lease is over can still be completed, as long as nobody else took it',
    async run({ store, pass }) {
      const fence = await take(store, brief)
      await pass(SHORT_MS + 20)
      assert.deepEqual(await write(store, complete(brief, fence)), ['held'])
      assert.equal((await claim(store, other)).kind, 'done')
    },
  },
  {
    promise: 'a write without an answer may be repeated',
    async run({ store }) {
      const fence = await take(store, one)
      assert.deepEqual(await write(store, complete(one, fence)), ['held'])
      assert.deepEqual(await write(store, complete(one, fence)), ['held'])
      assert.deepEqual(await write(store, release(one, fence)), ['lost'], 'what is done stays done')
      assert.deepEqual(await write(store, renew(one, fence)), ['lost'])
      assert.equal((await claim(store, other)).kind, 'done')
      const again = await take(store, one, 'shop.charge:released')
      const released = release(one, again, 'shop.charge:released')
      assert.deepEqual(await write(store, released), ['held'])
      assert.deepEqual(await write(store, released), ['held'])
      assert.deepEqual(await write(store, complete(one, again, { key: 'shop.charge:released' })), ['lost'])
    },
  },
  {
    promise: 'writes of several kinds go at once, each by itself and in its place',
    async run({ store, elsewhere }) {
      const keys = ['shop.charge:a', 'shop.charge:b', 'shop.charge:c', 'shop.charge:d'] as const
      const [a, b, c] = await Promise.all(keys.slice(0, 3).map(key => take(store, one, key)))
      assert.ok(a && b && c)
      const answers = await write(
        store,
        complete(one, a, { key: keys[0] }),
        release(one, b, keys[1]),
        renew(one, c, keys[2]),
        release(one, 1, keys[3]),
      )
      assert.deepEqual(answers, ['held', 'held', 'held', 'lost'])
      const claimed = await elsewhere.claim(
        keys.map(key => ({ key, fingerprint: 'f' })),
        other,
      )
      assert.deepEqual(
        claimed.map(({ kind }) => kind),
        ['done', 'claimed', 'busy', 'claimed'],
      )
      assert.deepEqual(await write(store), [])
    },
  },
  {
    promise: 'an operator sees who has a key and what came of it, and can have it forgotten',
    async run({ store, elsewhere }) {
      assert.equal(await store.show(KEY), undefined)
      assert.equal(await store.remove(KEY), false)
      const fence = await take(store, one)
      const claimed = await elsewhere.show(KEY)
      assert.ok(
        claimed?.state === 'claimed' && claimed.owner === 'one' && claimed.fence === fence,
        JSON.stringify(claimed),
      )
      assert.ok((claimed.leaseLeftMs ?? 0) > 0 && (claimed.leaseLeftMs ?? 0) <= LONG_MS)
      await write(store, complete(one, fence))
      const done = await elsewhere.show(KEY)
      assert.ok(done?.state === 'done' && done.result === 'v"r"' && done.fingerprint === 'f', JSON.stringify(done))
      assert.ok(done.expiresInMs > 0 && done.expiresInMs <= LONG_MS)
      assert.equal(await elsewhere.remove(KEY), true)
      assert.ok((await take(store, other)) > 0)
      assert.deepEqual(await write(store, complete(one, fence)), ['lost'])
    },
  },
]
