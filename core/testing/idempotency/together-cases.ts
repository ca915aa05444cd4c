/** Keys that are claimed together and completed without a result, as those of a batch are: a store may keep them as one. */
import assert from 'node:assert/strict'
import type { ClaimAnswer, Claimant, ClaimWrite, IdempotencyStore } from '../../idempotency-store.ts'
import { brief, claim, complete, LONG_MS, one, other, release, renew, SHORT_MS, take, write } from './claiming.ts'
import type { IdempotencyCase } from './harness.ts'

const KEYS = ['shop.charge:a', 'shop.charge:b', 'shop.charge:c', 'shop.charge:d'] as const
const [A, B, C, D] = KEYS

/** Of `batchSize`. */
const MOST = 10_000

interface Together {
  fenceOf(key: string): number
  done(...keys: readonly string[]): readonly ClaimWrite[]
}

/** Claims all of them, and says for how long they will be kept. */
const takeAll = async (store: IdempotencyStore, by: Claimant, ttlMs: number): Promise<Together> => {
  const answers = await store.claim(
    KEYS.map(key => ({ key, fingerprint: 'f' })),
    { ...by, ttlMs },
  )
  const fences = new Map(KEYS.map((key, index) => [key as string, fenceIn(answers[index])]))
  const fenceOf = (key: string): number => fences.get(key) ?? 0
  return { fenceOf, done: (...keys) => keys.map(key => complete(by, fenceOf(key), { key, result: '', ttlMs })) }
}

const fenceIn = (answer: ClaimAnswer | undefined): number => {
  assert.ok(answer?.kind === 'claimed', `it is free, got ${answer?.kind}`)
  return answer.fence
}

/** What another process is told that asks for all of them. */
const kinds = async (store: IdempotencyStore): Promise<string> => {
  const answers = await store.claim(
    KEYS.map(key => ({ key, fingerprint: 'f' })),
    other,
  )
  return answers.map(({ kind }) => kind).join(' ')
}

export const togetherCases: readonly IdempotencyCase[] = [
  {
    promise: 'of keys that were claimed together those are done that were completed, in any order, and no other',
    async run({ store, elsewhere }) {
      const { done } = await takeAll(store, one, LONG_MS)
      assert.deepEqual(await write(store, ...done(D, A)), ['held', 'held'])
      assert.equal(await kinds(elsewhere), 'done busy busy done')
      assert.deepEqual(await write(store, ...done(C)), ['held'])
      assert.equal(await kinds(elsewhere), 'done busy done done')
      assert.deepEqual(await claim(elsewhere, other, C, 'another'), { kind: 'done', fingerprint: 'f', result: '' })
    },
  },
  {
    promise: 'one with a result, one that is released and one that is renewed are that among those that are done',
    async run({ store, elsewhere }) {
      const { done, fenceOf } = await takeAll(store, one, LONG_MS)
      const writes = [complete(one, fenceOf(A), { key: A }), release(one, fenceOf(B), B), renew(one, fenceOf(C), C)]
      assert.deepEqual(await write(store, ...writes, ...done(D)), ['held', 'held', 'held', 'held'])
      assert.deepEqual(await claim(elsewhere, other, A), { kind: 'done', fingerprint: 'f', result: 'v"r"' })
      assert.equal(await kinds(elsewhere), 'done claimed busy done')
    },
  },
  {
    promise: 'what was completed together stays so, whatever is written after it',
    async run({ store, elsewhere }) {
      const { done, fenceOf } = await takeAll(store, one, LONG_MS)
      await write(store, ...done(A, B))
      assert.deepEqual(await write(store, ...done(A, B, C)), ['held', 'held', 'held'])
      assert.deepEqual(await write(store, release(one, fenceOf(A), A), renew(one, fenceOf(B), B)), ['lost', 'lost'])
      assert.equal(await kinds(elsewhere), 'done done done busy')
    },
  },
  {
    promise: 'of keys that were claimed together, one that another took is completed by nobody else',
    async run({ store, elsewhere, pass }) {
      const { done } = await takeAll(store, brief, LONG_MS)
      await pass(SHORT_MS + 20)
      const fence = await take(elsewhere, other, B)
      assert.deepEqual(await write(store, ...done(...KEYS)), ['held', 'lost', 'held', 'held'])
      assert.equal(await kinds(elsewhere), 'done busy done done')
      assert.deepEqual(await write(elsewhere, complete(other, fence, { key: B, result: '' })), ['held'])
      assert.equal(await kinds(store), 'done done done done')
    },
  },
  {
    promise: 'what was completed together is remembered for its ttl, however long the lease was, and then forgotten',
    async run({ store, elsewhere, pass }) {
      for (const by of [brief, one]) {
        const { done, fenceOf } = await takeAll(store, by, 3 * SHORT_MS)
        await write(store, ...done(...KEYS))
        await pass(1.5 * SHORT_MS)
        assert.equal(await kinds(elsewhere), 'done done done done', 'its lease is over, and it is done all the same')
        await pass(1.5 * SHORT_MS + 20)
        assert.ok((await take(elsewhere, other, A)) > fenceOf(A))
        assert.equal(await kinds(elsewhere), 'busy claimed claimed claimed')
        for (const key of KEYS) await elsewhere.remove(key)
      }
    },
  },
  {
    promise: 'a ttl that is not the one that was said at the claim counts all the same',
    async run({ store, elsewhere, pass }) {
      const { fenceOf } = await takeAll(store, brief, 3 * SHORT_MS)
      const kept = (key: string, ttlMs: number) => complete(brief, fenceOf(key), { key, result: '', ttlMs })
      await write(store, kept(A, LONG_MS))
      await write(store, kept(B, 1.5 * SHORT_MS))
      await write(store, kept(C, 3 * SHORT_MS))
      assert.match(await kinds(elsewhere), /^done done done /)
      await pass(1.5 * SHORT_MS + 20)
      assert.match(await kinds(elsewhere), /^done claimed done /)
      await pass(1.5 * SHORT_MS)
      assert.match(await kinds(elsewhere), /^done busy claimed /)
    },
  },
  {
    promise: 'claims that were renewed, and claims whose lease is over, are completed together as others are',
    async run({ store, elsewhere, pass }) {
      const { done, fenceOf } = await takeAll(store, brief, LONG_MS)
      await pass(SHORT_MS / 2)
      await write(store, ...KEYS.slice(0, 3).map(key => renew(brief, fenceOf(key), key)))
      await pass(SHORT_MS / 2)
      assert.deepEqual(await write(store, ...done(A, B)), ['held', 'held'])
      await pass(SHORT_MS)
      assert.deepEqual(await write(store, ...done(C, D)), ['held', 'held'])
      assert.equal(await kinds(elsewhere), 'done done done done')
    },
  },
  {
    promise: 'as many keys as a batch may have are claimed, completed, and answered to others at once',
    async run({ store, elsewhere }) {
      const claims = Array.from({ length: MOST }, (_, index) => ({ key: `shop.charge:${index}`, fingerprint: 'f' }))
      const answers = await store.claim(claims, { ...one, ttlMs: LONG_MS })
      const writes = claims.map(({ key }, index) =>
        complete(one, fenceIn(answers[index]), { key, result: '', ttlMs: LONG_MS }),
      )
      assert.equal((await write(store, ...writes)).filter(answer => answer === 'held').length, MOST)
      for (const from of [store, elsewhere])
        assert.equal((await from.claim(claims, other)).filter(({ kind }) => kind === 'done').length, MOST)
    },
  },
  {
    promise: 'an operator sees each of those that were completed together by itself',
    async run({ store, elsewhere }) {
      const { done, fenceOf } = await takeAll(store, one, LONG_MS)
      await write(store, ...done(A, B))
      const [a, c] = [await elsewhere.show(A), await elsewhere.show(C)]
      assert.deepEqual([a?.state, c?.state], ['done', 'claimed'])
      assert.ok(a && a.owner === 'one' && a.fence === fenceOf(A) && a.result === '' && a.leaseLeftMs === undefined)
      assert.ok(a.expiresInMs > 0 && a.expiresInMs <= LONG_MS, String(a.expiresInMs))
      assert.equal(await elsewhere.remove(A), true)
      assert.equal(await kinds(elsewhere), 'claimed done busy busy')
      assert.deepEqual(await write(store, ...done(A)), ['lost'])
    },
  },
]
