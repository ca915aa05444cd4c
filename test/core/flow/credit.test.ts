import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCredit, createSharedBytes, laneShare } from '../../../core/flow/credit.ts'
import type { Scope } from '../../../core/flow/entry.ts'
import { entryOf } from './entries.ts'

const POLICY = { maxInFlight: 3, maxInFlightBytes: 2_000 }
const scope = (lane: string): Scope => ({ name: null, lane, queue: [], busy: 0, blockedUntil: 0 })

test('what is claimed takes credit in records and bytes, and gives all of it back', () => {
  const shared = createSharedBytes(10_000)
  const credit = createCredit(POLICY, shared)
  const entry = entryOf(scope('a'), '1', { bodyBytes: 744 })
  credit.claim(entry)
  assert.deepEqual(credit.left(), { records: 2, bytes: 1_000 })
  assert.equal(shared.left(), 9_000)
  credit.release(entry)
  assert.deepEqual([credit.left(), shared.left()], [{ records: 3, bytes: 2_000 }, 10_000])
})

test('credit is never below zero, though one large record may take more than there is', () => {
  const credit = createCredit(POLICY, createSharedBytes(10_000))
  credit.claim(entryOf(scope('a'), '1', { bodyBytes: 50_000 }))
  assert.deepEqual(credit.left(), { records: 2, bytes: 0 })
})

test('the cap of the whole app is shared by its mappings', () => {
  const shared = createSharedBytes(1_000)
  const [one, other] = [createCredit(POLICY, shared), createCredit(POLICY, shared)]
  one.claim(entryOf(scope('a'), '1', { bodyBytes: 744 }))
  assert.equal(other.left().bytes, 0)
})

test('a mapping is called when there is room again, and not while there is none', () => {
  const shared = createSharedBytes(100)
  let called = 0
  const stop = shared.onRoom(() => {
    called += 1
  })
  shared.claim(150)
  shared.release(50)
  assert.equal(called, 0)
  shared.release(1)
  assert.equal(called, 1)
  shared.release(1)
  assert.equal(called, 1, 'there was room already')
  stop()
  shared.claim(100)
  shared.release(100)
  assert.equal(called, 1)
})

test('lanes are counted while something of them is claimed', () => {
  const credit = createCredit(POLICY, createSharedBytes(10_000))
  const [first, second] = [entryOf(scope('a'), '1'), entryOf(scope('a'), '2')]
  credit.claim(first)
  credit.claim(second)
  assert.deepEqual([credit.inLane('a'), credit.inLane('b'), [...credit.lanes()]], [2, 0, ['a']])
  credit.release(first)
  credit.release(second)
  assert.deepEqual([...credit.lanes()], [])
})

for (const [rule, policy, lanes, share] of [
  [
    'an ordered lane has a batch that runs and one that waits',
    { order: 'lane', batchSize: 10, maxInFlight: 100 },
    1,
    20,
  ],
  ['a lane without order has its equal share', { order: 'none', batchSize: 10, maxInFlight: 100 }, 4, 25],
  ['no lane’s share is less than two batches', { order: 'key', batchSize: 10, maxInFlight: 100 }, 50, 20],
  ['the only lane may have all', { order: 'none', batchSize: 10, maxInFlight: 100 }, 1, 100],
  ['no lane is known yet: the next may have all', { order: 'none', batchSize: 10, maxInFlight: 100 }, 0, 100],
  ['no share is more than all', { order: 'lane', batchSize: 80, maxInFlight: 100 }, 1, 100],
] as const)
  test(rule, () => assert.equal(laneShare(policy, lanes), share))
