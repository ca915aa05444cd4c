import assert from 'node:assert/strict'
import { brief, claim, complete, KEY, LONG_MS, one, other, release, renew, SHORT_MS, take, write } from './claiming.ts'
import type { IdempotencyCase } from './harness.ts'

const RACERS = 200

export const claimCases: readonly IdempotencyCase[] = [
  {
    promise: 'a key that nobody has is claimed, and then it is busy for everybody, its owner included',
    async run({ store, elsewhere }) {
      await take(store, one)
      for (const [from, by] of [
        [store, other],
        [elsewhere, other],
        [store, one],
      ] as const) {
        const answer = await claim(from, by)
        assert.ok(answer.kind === 'busy' && answer.leftMs > 0 && answer.leftMs <= LONG_MS, JSON.stringify(answer))
      }
    },
  },
  {
    promise: 'of any number of claims of one key at once, one has it',
    async run({ store, elsewhere }) {
      const answers = await Promise.all(
        Array.from({ length: RACERS }, (_, index) =>
          claim(index % 2 === 0 ? store : elsewhere, { owner: `racer ${index}`, leaseMs: LONG_MS }),
        ),
      )
      assert.equal(answers.filter(({ kind }) => kind === 'claimed').length, 1)
      assert.equal(answers.filter(({ kind }) => kind === 'busy').length, RACERS - 1)
    },
  },
  {
    promise: 'many keys are claimed at once, and each is answered by itself and in its place',
    async run({ store, elsewhere }) {
      const keys = Array.from({ length: 250 }, (_, index) => `shop.charge:${index}`)
      const done = await take(elsewhere, other, keys[3])
      await write(elsewhere, complete(other, done, { key: keys[3] as string }))
      await take(elsewhere, other, keys[5])
      const answers = await store.claim(
        keys.map(key => ({ key, fingerprint: 'f' })),
        one,
      )
      assert.deepEqual(
        answers.map(({ kind }) => kind),
        keys.map((_, index) => (index === 3 ? 'done' : index === 5 ? 'busy' : 'claimed')),
      )
      assert.deepEqual(await store.claim([], one), [])
    },
  },
  {
    promise: 'what was completed is answered with its result and fingerprint, and not claimed again',
    async run({ store, elsewhere }) {
      const result = `v${JSON.stringify({ text: 'ä€𝄞\u0000"\\', of: 'x'.repeat(1_000_000) })}`
      assert.deepEqual(await write(store, complete(one, await take(store, one), { result })), ['held'])
      for (const from of [store, elsewhere])
        assert.deepEqual(await claim(from, other, KEY, 'another'), { kind: 'done', fingerprint: 'f', result })
    },
  },
  {
    promise: 'a claim whose lease is over goes to whoever asks next, with a higher fence',
    async run({ store, elsewhere, pass }) {
      const first = await take(store, brief)
      assert.equal((await claim(elsewhere, other)).kind, 'busy')
      await pass(SHORT_MS + 20)
      const second = await take(elsewhere, other)
      assert.ok(second > first, `${second} is higher than ${first}`)
    },
  },
  {
    promise: 'a renewed lease goes on from then',
    async run({ store, elsewhere, pass }) {
      const fence = await take(store, brief)
      for (let times = 0; times < 4; times += 1) {
        await pass(SHORT_MS / 2)
        assert.deepEqual(await write(store, renew(brief, fence)), ['held'])
      }
      assert.equal((await claim(elsewhere, other)).kind, 'busy')
      await pass(SHORT_MS + 20)
      await take(elsewhere, other)
    },
  },
  {
    promise: 'a released key is free at once, and its fence goes on rising',
    async run({ store, elsewhere }) {
      let before = 0
      for (let times = 0; times < 3; times += 1) {
        const from = times % 2 === 0 ? store : elsewhere
        const fence = await take(from, one)
        assert.ok(fence > before, `${fence} is higher than ${before}`)
        assert.deepEqual(await write(from, release(one, fence)), ['held'])
        before = fence
      }
    },
  },
  {
    promise: 'what was completed is forgotten after its ttl, and the fence goes on rising',
    async run({ store, elsewhere, pass }) {
      const fence = await take(store, one)
      await write(store, complete(one, fence, { ttlMs: SHORT_MS }))
      assert.equal((await claim(elsewhere, other)).kind, 'done')
      await pass(SHORT_MS + 20)
      assert.ok((await take(elsewhere, other)) > fence)
    },
  },
  {
    promise: 'a long lease outlives a short ttl of something else, and keys know nothing of each other',
    async run({ store, pass }) {
      await take(store, one, 'shop.charge:a')
      const fence = await take(store, one, 'shop.charge:b')
      await write(store, complete(one, fence, { key: 'shop.charge:b', ttlMs: SHORT_MS }))
      await take(store, one, 'shop.mail:a')
      await pass(SHORT_MS + 20)
      assert.equal((await claim(store, other, 'shop.charge:a')).kind, 'busy')
      await take(store, other, 'shop.charge:b')
    },
  },
  {
    promise: 'what the store did not write is unreadable, for nobody to claim, until it is removed',
    needs: ['spoil'],
    async run({ store, elsewhere, spoil }) {
      const fence = await take(store, one)
      await write(store, complete(one, fence))
      await spoil?.(KEY)
      const answers = await store.claim(
        [
          { key: 'shop.charge:x', fingerprint: 'f' },
          { key: KEY, fingerprint: 'f' },
        ],
        other,
      )
      assert.deepEqual(
        answers.map(({ kind }) => kind),
        ['claimed', 'unreadable'],
      )
      assert.deepEqual(await write(store, release(one, fence)), ['lost'])
      assert.equal((await elsewhere.show(KEY))?.state, 'unreadable')
      assert.equal(await elsewhere.remove(KEY), true)
      await take(store, other)
    },
  },
]
