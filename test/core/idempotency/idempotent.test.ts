/** How often a function runs, and what its callers are told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type IdempotencyContext, idempotent } from '../../../core/idempotency/idempotent.ts'
import { memoryIdempotency } from '../../../core/idempotency/memory-store.ts'
import { createVirtualClock } from '../../../core/testing/virtual-clock.ts'
import { charges, refused } from './charges.ts'
import { faultyStore } from './faulty-store.ts'

test('the second call gets the first result, types and all, and the function runs once', async () => {
  const { charge, ran } = charges()
  const first = await charge({ id: '1', total: 5 })
  assert.deepEqual(first, { charged: 5, at: new Date(0) })
  assert.deepEqual(await charge({ id: '1', total: 5 }), first)
  assert.deepEqual(await charge({ id: '2', total: 5 }), first)
  assert.deepEqual(
    ran.map(({ id }) => id),
    ['1', '2'],
  )
})

test('of a thousand calls at once one runs; the others are told to come again, or wait for its result', async () => {
  for (const onInProgress of ['retry', 'wait'] as const) {
    const { charge, ran } = charges(memoryIdempotency(), { onInProgress })
    const calls = await Promise.allSettled(Array.from({ length: 1_000 }, () => charge({ id: '1' })))
    assert.equal(ran.length, 1)
    assert.equal(calls.filter(({ status }) => status === 'fulfilled').length, onInProgress === 'wait' ? 1_000 : 1)
  }
})

test('skip answers undefined while another call is at it', async () => {
  const { charge } = charges(memoryIdempotency(), { onInProgress: 'skip' })
  const [first, second] = await Promise.all([charge({ id: '1' }), charge({ id: '1' })])
  assert.deepEqual([first?.charged, second], [0, undefined])
})

test('who waits runs it when the first one fails, and stops waiting when its caller says so', async () => {
  const store = memoryIdempotency()
  let runs = 0
  const flaky = idempotent(
    async () => {
      runs += 1
      await pause(20)
      if (runs === 1) throw new Error('the first fails')
      return runs
    },
    { store, name: 'flaky', key: () => 'k', onInProgress: 'wait' },
  )
  const [first, second] = await Promise.allSettled([flaky(undefined), flaky(undefined)])
  assert.deepEqual([first.status, second.status === 'fulfilled' && second.value], ['rejected', 2])
  const stop = new AbortController()
  const waiting = idempotent(() => 1, { store: busyStore(store), name: 'w', key: () => 'k', onInProgress: 'wait' })
  setImmediate(() => stop.abort(new Error('enough')))
  await assert.rejects(waiting(undefined, { signal: stop.signal }), /enough/)
})

const busyStore = (store = memoryIdempotency()) => ({
  ...store,
  claim: async (claims: readonly unknown[]) => claims.map(() => ({ kind: 'busy', leftMs: 60_000 }) as const),
})

test('a function that throws frees its key, whatever it throws, and the caller gets just that', async () => {
  const store = faultyStore(memoryIdempotency())
  for (const thrown of [new TypeError('no'), 'text', undefined, null, 42, { some: 'object' }]) {
    let runs = 0
    const failing = idempotent(
      () => {
        runs += 1
        throw thrown
      },
      { store, name: 'failing', key: () => 'k' },
    )
    for (let times = 0; times < 2; times += 1)
      await failing(undefined).then(assert.fail, got => assert.equal(got, thrown))
    assert.equal(runs, 2)
  }
  store.fail('write')
  const failing = idempotent(() => Promise.reject(new TypeError('mine')), { store, name: 'f', key: () => 'k' })
  await assert.rejects(failing(undefined), /mine/, 'a store that cannot release does not hide it')
})

test('nested calls on one store are calls of their own; one that would wait for itself is told so', async () => {
  const store = memoryIdempotency()
  const ran: string[] = []
  const inner = idempotent((id: string) => void ran.push(`inner ${id}`), { store, name: 'inner', key: id => id })
  const outer = idempotent(
    async (id: string) => {
      await inner(id)
      ran.push(`outer ${id}`)
    },
    { store, name: 'outer', key: id => id },
  )
  await Promise.all([outer('1'), outer('2'), inner('3')])
  await outer('1')
  assert.deepEqual([...ran].sort(), ['inner 1', 'inner 2', 'inner 3', 'outer 1', 'outer 2'])
  const itself: (id: string) => Promise<unknown> = idempotent((id: string) => itself(id) as Promise<string>, {
    store,
    name: 'itself',
    key: id => id,
    onInProgress: 'wait',
  })
  await assert.rejects(itself('1'), refused('IDEMPOTENCY_IN_PROGRESS'))
})

test('while the store is down nothing runs, unless it was said that it may', async () => {
  const store = faultyStore(memoryIdempotency())
  const { charge, ran } = charges(store)
  store.fail('claim')
  await assert.rejects(charge({ id: '1' }), refused('IDEMPOTENCY_STORE_FAILED'))
  assert.equal(ran.length, 0)
  const risky = charges(store, { onStoreError: 'run' })
  await risky.charge({ id: '1' })
  assert.equal(risky.ran.length, 1)
})

test('a completion without an answer is told again, and what was done once stays done once', async () => {
  const store = faultyStore(memoryIdempotency())
  const { charge, ran } = charges(store)
  store.fail('write, after it was done')
  const first = charge({ id: '1' })
  setTimeout(() => store.fail('nothing'), 30)
  await first
  await charge({ id: '1' })
  assert.equal(ran.length, 1)
  assert.ok(store.calls.write > 1)
})

test('a function that runs longer than its lease keeps it; one whose claim is taken is told, and completes nothing', async () => {
  const clock = createVirtualClock()
  const store = memoryIdempotency({ clock })
  let seen: IdempotencyContext | undefined
  const end = Promise.withResolvers<string>()
  const slow = idempotent(
    (_: undefined, context: IdempotencyContext) => {
      seen = context
      return end.promise
    },
    { store, name: 'slow', key: () => 'k', lease: '3s', clock },
  )
  const first = slow(undefined)
  for (let seconds = 0; seconds < 30; seconds += 1) {
    await pause(0)
    clock.advance(1_000)
  }
  await pause(0)
  await assert.rejects(slow(undefined), refused('IDEMPOTENCY_IN_PROGRESS'))
  assert.equal(seen?.signal.aborted, false)
  await store.remove(seen?.idempotencyKey ?? '')
  clock.advance(1_000)
  await pause(0)
  assert.equal(seen?.signal.aborted, true)
  const before = seen?.fence ?? 0
  const second = slow(undefined)
  await pause(0)
  assert.ok((seen?.fence ?? 0) > before, 'the next has a higher fence')
  end.resolve('result')
  await assert.rejects(first, refused('IDEMPOTENCY_LEASE_LOST'))
  assert.equal(await second, 'result')
})

test('a lease that cannot be renewed is given up before others may have it, by a clock that nobody sets', async () => {
  const clock = createVirtualClock()
  const store = faultyStore(memoryIdempotency({ clock }))
  let signal: AbortSignal | undefined
  const slow = idempotent(
    (_: undefined, context: IdempotencyContext) => {
      signal = context.signal
      return new Promise(() => {})
    },
    { store, name: 'slow', key: () => 'k', lease: '10s', clock },
  )
  void slow(undefined)
  await pause(0)
  for (const jumpMs of [3_600_000, -7_200_000, 3_600_000]) {
    clock.setWall(clock.now() + jumpMs)
    clock.advance(2_000)
    await pause(0)
    await assert.rejects(slow(undefined), refused('IDEMPOTENCY_IN_PROGRESS'))
  }
  assert.equal(signal?.aborted, false)
  store.fail('write')
  clock.advance(9_900)
  await pause(0)
  assert.equal(signal?.aborted, true)
})

test('an option that is wrong is an error that says so', () => {
  const store = memoryIdempotency()
  const right = { store, name: 'n', key: () => 'k' }
  for (const [wrong, message] of [
    [{ name: '' }, /name must be/],
    [{ ttl: '0s' }, /ttl must be a duration between 1s and 3650d/],
    [{ lease: 'soon' }, /lease must be a duration/],
    [{ onInProgress: 'again' }, /onInProgress must be one of 'retry', 'wait', 'skip'/],
    [{ onStoreError: 'ignore' }, /onStoreError must be one of/],
    [{ result: 'all' }, /result must be one of/],
  ] as const)
    assert.throws(() => idempotent(() => 1, { ...right, ...(wrong as object) }), { name: 'TypeError', message })
})
