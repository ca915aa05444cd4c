import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeadLetter, JointWrite, Source } from '../../../core/contract.ts'
import { MillraceError } from '../../../core/errors.ts'
import type { Entry, Scope } from '../../../core/flow/entry.ts'
import { createParker, type ParkerOptions } from '../../../core/flow/parker.ts'
import { createVirtualClock } from '../../../core/testing/virtual-clock.ts'
import { settleDown } from '../../simulation/world.ts'
import { entryOf } from './entries.ts'

const setUp = (options: Partial<ParkerOptions>) => {
  const clock = createVirtualClock()
  const seen: string[] = []
  const parker = createParker({
    clock,
    random: () => 0.5,
    signal: new AbortController().signal,
    timeoutMs: 60_000,
    store: { park: async () => 'parked' },
    destinations: [],
    source: () => ({}) as unknown as Source,
    onParked: (entry, _, how) => void seen.push(`${entry.delivery.record.id} ${how}`),
    onTrouble: error => void seen.push(error.code),
    ...options,
  })
  const park = (id: string): Entry => {
    const scope: Scope = { name: null, lane: '0', queue: [], busy: 0, blockedUntil: 0 }
    const entry = entryOf(scope, id)
    const letter = { record: entry.delivery.record } as DeadLetter
    const reason = new MillraceError('RECORD_FAILED', 'no')
    parker.park(entry, letter, { delivery: entry.delivery, outcome: 'rejected', reason })
    return entry
  }
  const pass = async (ms: number): Promise<void> => {
    await settleDown()
    for (let leftMs = ms; leftMs > 0; leftMs -= 50) {
      clock.advance(50)
      await settleDown()
    }
  }
  return { parker, park, pass, seen }
}

test('a letter is parked when the store has it, and not before', async () => {
  let down = 2
  const { park, pass, seen, parker } = setUp({
    store: {
      async park() {
        down -= 1
        if (down >= 0) throw new Error('the disk is full')
        return 'parked'
      },
    },
  })
  park('a')
  await pass(0)
  assert.deepEqual([seen, parker.size], [['STATE_UNAVAILABLE'], 1])
  await pass(1_000)
  assert.deepEqual([seen.at(-1), parker.size], ['a parked', 0])
})

test('the destinations have it before the store, and none of them gets it twice because the store is down', async () => {
  const order: string[] = []
  let down = 3
  const { park, pass } = setUp({
    destinations: [
      async letters => void order.push(...letters.map(({ record }) => `first ${record.id}`)),
      async letters => void order.push(...letters.map(({ record }) => `second ${record.id}`)),
    ],
    store: {
      async park() {
        down -= 1
        if (down >= 0) throw new Error('the disk is full')
        order.push('store')
        return 'parked'
      },
    },
  })
  park('a')
  await pass(5_000)
  assert.deepEqual(order, ['first a', 'second a', 'store'])
})

test('a destination that fails keeps the letter from the store until it took it', async () => {
  let failing = 1
  let parked = 0
  const { park, pass } = setUp({
    destinations: [() => (failing-- > 0 ? Promise.reject(new Error('no such channel')) : Promise.resolve())],
    store: {
      async park() {
        parked += 1
        return 'parked'
      },
    },
  })
  park('a')
  await pass(0)
  assert.equal(parked, 0)
  await pass(1_000)
  assert.equal(parked, 1)
})

test('a record whose claim was lost is not parked: its next owner decides', async () => {
  const stored: string[] = []
  const { park, pass, seen, parker } = setUp({
    store: {
      async park(letters) {
        stored.push(...letters.map(({ record }) => record.id))
        return 'parked'
      },
    },
  })
  park('lost').state = 'gone'
  park('kept')
  await pass(0)
  assert.deepEqual([stored, seen, parker.size], [['kept'], ['kept parked'], 0])
})

test('a source in the same database is told in the store’s own transaction', async () => {
  const joint: JointWrite = { database: {}, write: () => {} }
  const { park, pass, seen } = setUp({
    source: () => ({ settleWithin: () => joint }) as unknown as Source,
    store: { park: async (_, given) => (given === joint ? 'settled' : 'parked') },
  })
  park('a')
  await pass(0)
  assert.deepEqual(seen, ['a settled'])
})

test('a store that does not answer is asked again, and says so', async () => {
  let asked = 0
  const { park, pass, seen, parker } = setUp({
    timeoutMs: 10_000,
    store: { park: () => (asked++ === 0 ? new Promise(() => {}) : Promise.resolve('parked')) },
  })
  park('a')
  await pass(9_900)
  assert.deepEqual([asked, seen, parker.isUnderWay('a')], [1, [], true])
  await pass(1_000)
  assert.deepEqual([asked, seen, parker.isUnderWay('a')], [2, ['STATE_UNAVAILABLE', 'a parked'], false])
})
