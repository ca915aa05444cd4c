/** Letters that are sent back, as a source: which come, when, and what becomes of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import type { Delivery, Settlement } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import { fullRecord, letterFor } from '../support/letters.ts'
import { until } from '../support/until.ts'
import { accepted, NOBODY, openReplay, pollFor, stateOf } from './opened-replay.ts'

test('a requested letter comes as its unchanged record, at attempt 0, naming the letter', async context => {
  const replay = await openReplay(context)
  const [id = ''] = await replay.park('1')
  assert.deepEqual(await replay.source.poll(pollFor()), [])
  await replay.store.startReplay({ selection: { ids: [id] } }, NOBODY)
  const [delivery] = await replay.source.poll(pollFor())
  assert.deepEqual(delivery?.record, fullRecord('1'))
  assert.equal(delivery?.attempts, 0)
  assert.equal(delivery?.priorDeliveries, 0)
  assert.equal(delivery?.replayOf, id)
  assert.equal(delivery?.firstSeen, replay.clock.now())
})

test('an accepted replay resolves its letter', async context => {
  const replay = await openReplay(context)
  const [id = ''] = await replay.park('1')
  await replay.store.startReplay({ selection: { filter: {} } }, NOBODY)
  const deliveries = await replay.source.poll(pollFor())
  assert.deepEqual(await replay.source.settle(deliveries.map(accepted)), [])
  assert.equal(await stateOf(replay, id), 'resolved')
  assert.deepEqual(await replay.source.poll(pollFor()), [])
})

test('a replay that is parked again is one open letter, and can be requested again', async context => {
  const replay = await openReplay(context)
  const [id = ''] = await replay.park('1')
  for (const replays of [1, 2]) {
    await replay.store.startReplay({ selection: { filter: {} } }, NOBODY)
    const [delivery] = await replay.source.poll(pollFor())
    assert.ok(delivery)
    const verdict: Settlement = {
      delivery,
      outcome: 'rejected',
      reason: new MillraceError('RECORD_FAILED', 'again'),
    }
    await replay.store.park([letterFor(delivery.record, { replayOf: id })], replay.source.settleWithin?.([verdict]))
    if (replays === 2) assert.deepEqual(await replay.source.settle([verdict]), [])
    const [only, ...more] = (await replay.store.page({ limit: 10 })).letters
    assert.deepEqual(more, [])
    assert.equal(only?.state, 'open')
    assert.equal(only?.replays, replays)
  }
})

test('a released replay comes again at once and a deferred one when it is due, both with their attempts', async context => {
  const { store, source, clock, park } = await openReplay(context)
  await park('1', '2')
  await store.startReplay({ selection: { filter: {} } }, NOBODY)
  const [first, second] = await source.poll(pollFor())
  assert.ok(first && second)
  await source.settle([
    { delivery: first, outcome: 'released', attempts: 1 },
    { delivery: second, outcome: 'deferred', attempts: 2, delayMs: 60_000 },
  ])
  const [again, ...none] = await source.poll(pollFor())
  assert.deepEqual([again?.record.id, again?.attempts, none.length], ['1', 1, 0])
  assert.deepEqual(await source.poll(pollFor()), [])
  clock.advance(60_000)
  const [later] = await source.poll(pollFor())
  assert.deepEqual([later?.record.id, later?.attempts], ['2', 2])
})

test('a waiting poll wakes for a request of this process without time passing', async context => {
  const { store, source, park } = await openReplay(context)
  await park('1')
  const polled = source.poll(pollFor({ waitMs: 60_000 }))
  let woken = 0
  polled.then(deliveries => {
    woken = deliveries.length
  })
  await store.startReplay({ selection: { filter: {} } }, NOBODY)
  await until('the poll has the letter', () => woken === 1)
})

test('a waiting poll wakes for a deferred letter when it is due', async context => {
  const { store, source, clock, park } = await openReplay(context)
  await park('1')
  await store.startReplay({ selection: { filter: {} } }, NOBODY)
  const [delivery] = await source.poll(pollFor())
  assert.ok(delivery)
  await source.settle([{ delivery, outcome: 'deferred', attempts: 1, delayMs: 1_030 }])
  let polled: readonly Delivery[] | undefined
  source.poll(pollFor({ waitMs: 60_000 })).then(deliveries => {
    polled = deliveries
  })
  const startMs = clock.now()
  await until('the deferred letter is polled', async () => {
    if (polled) return true
    clock.advance(10)
    return false
  })
  assert.equal(polled?.length, 1)
  assert.ok(clock.now() - startMs < 1_030 + 1_000, 'it did not wait for the end of the poll')
})

test('a poll is empty after its wait, and at once when aborted', async context => {
  const { source } = await openReplay(context, systemClock)
  assert.deepEqual(await source.poll(pollFor({ waitMs: 5 })), [])
  const abort = new AbortController()
  const polled = source.poll(pollFor({ waitMs: 600_000, signal: abort.signal }))
  abort.abort()
  assert.deepEqual(await polled, [])
})

test('nothing is claimed while paused, for a skipped lane, or of another mapping or source', async context => {
  const { store, source, park } = await openReplay(context)
  await store.park([
    letterFor(fullRecord('1'), { mapping: 'email' }),
    letterFor(fullRecord('2', { source: 'local/former' })),
  ])
  await store.startReplay({ selection: { filter: {} } }, NOBODY)
  assert.deepEqual(await source.poll(pollFor()), [])
  await park('3')
  await store.startReplay({ selection: { filter: {} } }, NOBODY)
  await source.pause()
  assert.deepEqual(await source.poll(pollFor()), [])
  await source.resume()
  assert.deepEqual(await source.poll(pollFor({ skipLanes: new Set(['replay']) })), [])
  assert.equal((await source.poll(pollFor())).length, 1)
})
