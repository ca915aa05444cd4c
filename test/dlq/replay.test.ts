import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Clock, systemClock } from '../../core/clock.ts'
import type { Delivery, PollRequest, Settlement } from '../../core/contract.ts'
import { openDatabase } from '../../core/database.ts'
import { MillraceError } from '../../core/errors.ts'
import { silentLog } from '../../core/log.ts'
import { thisProcess } from '../../core/owner.ts'
import { createVirtualClock, type VirtualClock } from '../../core/testing/virtual-clock.ts'
import { replaySource } from '../../dlq/replay.ts'
import { openSqliteStore } from '../../dlq/sqlite/store.ts'
import type { LetterStore } from '../../dlq/store.ts'
import { startNode } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'
import { fullRecord, letterFor } from '../support/letters.ts'
import { until } from '../support/until.ts'

const MAPPING = 'charge'
const SOURCE = 'local/orders'
const LEASE_MS = 30_000
const NOBODY = { operator: '', reason: '' }

const pollFor = (change: Partial<PollRequest> = {}): PollRequest => ({
  max: 100,
  maxPerLane: 100,
  maxBytes: 64_000_000,
  waitMs: 0,
  skipLanes: new Set(),
  signal: new AbortController().signal,
  ...change,
})

const openReplay = async <T extends Clock = VirtualClock>(
  context: TestContext,
  clock: T = createVirtualClock() as Clock as T,
) => {
  const folder = await temporaryFolder(context)
  const database = openDatabase(folder)
  const store = openSqliteStore(database, { clock })
  const source = replaySource(store, MAPPING, SOURCE, { clock, log: silentLog, order: 'none', leaseMs: LEASE_MS })
  context.after(async () => {
    await source.close()
    await database.close()
  })
  const park = async (...ids: readonly string[]) => {
    await store.park(ids.map(id => letterFor(fullRecord(id))))
    const { letters } = await store.page({ limit: 1_000 })
    return ids.map(id => letters.find(({ recordId }) => recordId === id)?.id ?? 'not listed')
  }
  return { folder, database, store, source, clock, park }
}

const accepted = (delivery: Delivery): Settlement => ({ delivery, outcome: 'accepted' })
const stateOf = async ({ store }: { readonly store: LetterStore }, id: string) => (await store.get(id))?.summary.state

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

test('a claim outlives a long invocation', async context => {
  const replay = await openReplay(context)
  const [id = ''] = await replay.park('1')
  await replay.store.startReplay({ selection: { filter: {} } }, NOBODY)
  const [delivery] = await replay.source.poll(pollFor())
  assert.ok(delivery)
  const elsewhere = openSqliteStore(replay.database, { clock: replay.clock, owner: stranger() })
  for (let round = 0; round < 30; round += 1) {
    replay.clock.advance(LEASE_MS / 3)
    await turn()
    assert.equal(await elsewhere.reclaim(MAPPING, SOURCE), 0)
  }
  assert.equal(delivery.lost.aborted, false)
  await replay.source.settle([accepted(delivery)])
  assert.equal(await stateOf(replay, id), 'resolved')
})

test('a claim that was taken over is lost, and settling it does nothing', async context => {
  const replay = await openReplay(context)
  const [id = ''] = await replay.park('1')
  await replay.store.startReplay({ selection: { filter: {} } }, NOBODY)
  const [delivery] = await replay.source.poll(pollFor())
  assert.ok(delivery)
  const elsewhere = openSqliteStore(replay.database, { clock: replay.clock, owner: stranger() })
  replay.clock.setWall(replay.clock.now() + LEASE_MS)
  assert.equal(await elsewhere.reclaim(MAPPING, SOURCE), 1)
  await elsewhere.claim({
    mapping: MAPPING,
    source: SOURCE,
    by: 'function',
    order: 'none',
    max: 1,
    maxBytes: 1,
    leaseMs: LEASE_MS,
  })
  replay.clock.advance(LEASE_MS / 3)
  await until('the claim is lost', () => delivery.lost.aborted)
  assert.deepEqual(await replay.source.settle([accepted(delivery)]), [])
  assert.equal(await stateOf(replay, id), 'replaying')
})

test('closing gives unsettled letters back with their attempts, and may be done twice', async context => {
  const replay = await openReplay(context)
  const [id = ''] = await replay.park('1')
  await replay.store.startReplay({ selection: { filter: {} } }, NOBODY)
  const [delivery] = await replay.source.poll(pollFor())
  await Promise.all([replay.source.close(), replay.source.close()])
  assert.equal(await stateOf(replay, id), 'replaying')
  assert.equal(delivery?.lost.aborted, true)
  assert.deepEqual(await replay.source.poll(pollFor({ waitMs: 60_000 })), [])
})

test('what is settled within another transaction is neither settled twice nor lost', async context => {
  const replay = await openReplay(context)
  const [id = ''] = await replay.park('1')
  await replay.store.startReplay({ selection: { filter: {} } }, NOBODY)
  const [delivery] = await replay.source.poll(pollFor())
  assert.ok(delivery)
  const joint = replay.source.settleWithin?.([accepted(delivery)])
  await replay.database.write(() => joint?.write())
  assert.equal(await stateOf(replay, id), 'resolved')
  replay.clock.advance(LEASE_MS / 3)
  await turn()
  assert.equal(delivery.lost.aborted, false)
})

test('a letter that cannot be read is opened again and stops no other', async context => {
  const replay = await openReplay(context)
  const [bad = ''] = await replay.park('1', '2')
  await replay.database.write(() =>
    replay.database.sql("UPDATE dead_letter_texts SET envelope = '{}' WHERE id = ?").run(bad),
  )
  await replay.store.startReplay({ selection: { filter: {} } }, NOBODY)
  const deliveries = await replay.source.poll(pollFor())
  assert.deepEqual(
    deliveries.map(({ record }) => record.id),
    ['2'],
  )
  assert.equal((await replay.store.page({ limit: 10, state: 'open' })).letters[0]?.id, bad)
})

test('lag counts requested and claimed letters', async context => {
  const { store, source, park } = await openReplay(context)
  await park('1', '2')
  assert.deepEqual(await source.lag?.(), [])
  await store.startReplay({ selection: { filter: {} } }, NOBODY)
  await source.poll(pollFor({ max: 1 }))
  assert.deepEqual(await source.lag?.(), [{ lane: 'replay', records: 2 }])
})

test('another process that is killed while it replays loses its letters to us at once, counted as delivered', async context => {
  const { folder, store, source, park } = await openReplay(context, systemClock)
  await park(...Array.from({ length: 50 }, (_, index) => `${index}`))
  await store.startReplay({ selection: { filter: {} } }, NOBODY)
  const child = startNode(context, [HOLDER, folder])
  await child.line(/^holding 50$/)
  assert.deepEqual(await source.poll(pollFor()), [])
  child.kill('SIGKILL')
  await child.ended
  const deliveries: Delivery[] = []
  await until('all letters are ours', async () => {
    deliveries.push(...(await source.poll(pollFor({ waitMs: 100 }))))
    return deliveries.length === 50
  })
  assert.ok(deliveries.every(({ priorDeliveries }) => priorDeliveries === 1))
})

test('a replay that another process requests is noticed', async context => {
  const { folder, source, park } = await openReplay(context, systemClock)
  await park('1')
  const polled = source.poll(pollFor({ waitMs: 60_000 }))
  const child = startNode(context, [REQUESTER, folder])
  assert.equal((await polled).length, 1)
  assert.equal((await child.ended).code, 0)
})

const HOLDER = new URL('./holder.ts', import.meta.url).pathname
const REQUESTER = new URL('./requester.ts', import.meta.url).pathname

/** Nobody this process is, and alive. */
const stranger = () => ({ id: 'stranger', pid: 1, bootId: thisProcess().bootId, startedAt: 0, pidSpace: 'elsewhere' })

const turn = async (): Promise<void> => {
  for (let count = 0; count < 5; count += 1) await new Promise(resolve => setImmediate(resolve))
}
