/** Claims on letters that are replayed: kept, lost, given back, and taken over from others. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import type { Delivery } from '../../core/contract.ts'
import { thisProcess } from '../../core/owner.ts'
import { openSqliteStore } from '../../dlq/sqlite/store.ts'
import { startNode } from '../support/child.ts'
import { until } from '../support/until.ts'
import { accepted, LEASE_MS, MAPPING, NOBODY, openReplay, pollFor, SOURCE, stateOf } from './opened-replay.ts'

/** A replay of one letter, which was claimed. */
const claimed = async (context: TestContext) => {
  const replay = await openReplay(context)
  const [id = ''] = await replay.park('1')
  await replay.store.startReplay({ selection: { filter: {} } }, NOBODY)
  const [delivery] = await replay.source.poll(pollFor())
  assert.ok(delivery)
  return { replay, id, delivery }
}

test('a claim outlives a long invocation', async context => {
  const { replay, id, delivery } = await claimed(context)
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
  const { replay, id, delivery } = await claimed(context)
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
  const { replay, id, delivery } = await claimed(context)
  await Promise.all([replay.source.close(), replay.source.close()])
  assert.equal(await stateOf(replay, id), 'replaying')
  assert.equal(delivery.lost.aborted, true)
  assert.deepEqual(await replay.source.poll(pollFor({ waitMs: 60_000 })), [])
})

test('what is settled within another transaction is neither settled twice nor lost', async context => {
  const { replay, id, delivery } = await claimed(context)
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
