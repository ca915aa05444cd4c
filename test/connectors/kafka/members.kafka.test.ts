/** Several members of one group: who has what, and what becomes of claims when that changes. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import type { Delivery, Source } from '../../../core/contract.ts'
import { accept, bodies, request } from '../../../core/testing/contract/reading.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { GROUP, type OpenedTopic, openTopic } from './opened.ts'

const kafka = sharedBroker('kafka')
const skip = kafka.missing
const PARTITIONS = 4

const openFour = async (context: TestContext): Promise<OpenedTopic> => {
  const opened = await openTopic(context, (await kafka.address()).url, { partitions: PARTITIONS })
  await publishToAll(opened, 'first')
  return opened
}

const publishToAll = (opened: OpenedTopic, value: string): Promise<void> =>
  opened.publish(Array.from({ length: PARTITIONS }, (_, partition) => ({ value, partition })))

const takeAll = async (sources: readonly Source[], count: number): Promise<readonly Delivery[]> => {
  const taken: Delivery[] = []
  await until(`${count} records have come`, async () => {
    for (const source of sources) taken.push(...(await source.poll(request({ waitMs: 50 }))))
    return taken.length >= count
  })
  return taken
}

const lanes = (deliveries: readonly Delivery[]): readonly string[] => deliveries.map(({ lane }) => lane).sort()

test('a rebalance waits for what runs: it is committed, and nothing comes twice', { skip }, async context => {
  const opened = await openFour(context)
  const one = await opened.open()
  const running = await takeAll([one], PARTITIONS)
  const joining = opened.open()
  const before: Delivery[] = []
  await until('nothing new is handed out while the other joins', async () => {
    await publishToAll(opened, 'later')
    const found = await one.poll(request({ waitMs: 200 }))
    before.push(...found)
    return found.length === 0
  })
  assert.ok(running.every(({ lost }) => !lost.aborted))
  assert.deepEqual(await one.settle(accept([...running, ...before])), [])
  const other = await joining
  assert.ok([...running, ...before].every(({ lost }) => !lost.aborted))
  await publishToAll(opened, 'last')
  const after: Delivery[] = []
  await until('all came', async () => {
    for (const source of [one, other]) after.push(...(await source.poll(request({ waitMs: 50 }))))
    return bodies(after).filter(body => body === 'last').length === PARTITIONS
  })
  const ids = [...running, ...before, ...after].map(({ record }) => record.id)
  assert.equal(new Set(ids).size, ids.length)
  await Promise.all([one.close(), other.close()])
})

test('what runs for longer than a rebalance waits is lost where the partition went, and goes on where it stayed', {
  skip,
}, async context => {
  const opened = await openFour(context)
  const one = await opened.open({}, { rebalanceDrain: '1s' })
  const running = await takeAll([one], PARTITIONS)
  const other = await opened.open()
  const again = await takeAll([other], 2)
  const gone = running.filter(({ lost }) => lost.aborted)
  const kept = running.filter(({ lost }) => !lost.aborted)
  assert.deepEqual(lanes(gone), lanes(again))
  assert.equal(kept.length, 2)
  assert.deepEqual(await one.settle(accept(running)), [])
  for (const { record } of kept) assert.equal(await opened.committed(undefined, Number(record.position?.partition)), 1)
  for (const { record } of gone) assert.equal(await opened.committed(undefined, Number(record.position?.partition)), 0)
  assert.deepEqual(await one.poll(request({ waitMs: 200 })), [], 'what is in flight is not handed out again')
  await Promise.all([one.close(), other.close()])
})

test('a function that runs for longer than the session timeout keeps its partition', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const source = await opened.open({}, { sessionTimeout: '2s' })
  await opened.publish([{ value: 'long' }])
  const running = await takeAll([source], 1)
  const sinceMs = systemClock.monotonic()
  await until('three session timeouts have passed', () => systemClock.monotonic() - sinceMs > 6_000)
  assert.ok(!running[0]?.lost.aborted)
  assert.deepEqual(await source.settle(accept(running)), [])
  assert.equal(await opened.committed(), 1)
  await source.close()
})

test('more than fits a mailbox comes in order, however slowly it is taken', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const values = Array.from({ length: 400 }, (_, index) => `${index}`.padEnd(300, '.'))
  await opened.publish(values.map(value => ({ value })))
  const source = await opened.open({}, { fetchBytes: '1 KB' })
  const taken: Delivery[] = []
  await until('all have come', async () => {
    const found = await source.poll(request({ max: 7, waitMs: 1_000 }))
    taken.push(...found)
    await source.settle(accept(found))
    return taken.length >= values.length
  })
  assert.deepEqual(bodies(taken), values)
  await source.close()
})

test('a partition from which nothing is taken holds up no other, nor its membership', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url, { partitions: 2 })
  const source = await opened.open({}, { fetchBytes: '1 KB' })
  const much = Array.from({ length: 200 }, (_, index) => ({ value: `${index}`.padEnd(300, '.'), partition: 0 }))
  await opened.publish(much)
  const [slow] = await takeAll([source], 1)
  assert.equal(slow?.record.position?.partition, 0)
  const skipLanes = new Set([slow?.lane ?? ''])
  for (const value of ['a', 'b', 'c']) {
    await opened.publish([{ value, partition: 1 }])
    const found = await source.poll(request({ waitMs: 10_000, skipLanes }))
    assert.deepEqual(bodies(found), [value])
    assert.deepEqual(await source.settle(accept(found)), [])
  }
  assert.equal(slow?.lost.aborted, false)
  assert.deepEqual([await opened.committed(GROUP, 0), await opened.committed(GROUP, 1)], [0, 3])
  await source.close()
})

test('attempts of a record that was given back survive a clean restart', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  await opened.publish([{ value: 'a' }, { value: 'b' }])
  const source = await opened.open()
  const [a, b] = await takeAll([source], 2)
  assert.ok(a && b)
  assert.deepEqual(
    await source.settle([
      { delivery: a, outcome: 'released', attempts: 3 },
      { delivery: b, outcome: 'released', attempts: 1 },
    ]),
    [],
  )
  await source.close()
  const again = await opened.open()
  const taken = await takeAll([again], 2)
  assert.deepEqual(
    taken.map(({ attempts, firstSeen }) => [attempts, firstSeen]),
    [
      [3, a.firstSeen],
      [1, b.firstSeen],
    ],
  )
  await again.close()
})

test('the ends of transactions are committed like records', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const source = await opened.open()
  for (const end of ['commit', 'abort', 'commit', 'abort'] as const) {
    const transaction = await opened.transaction()
    await transaction.send({ topic: opened.topic, messages: [{ value: end }] })
    await (end === 'commit' ? transaction.commit() : transaction.abort())
  }
  const taken = await takeAll([source], 2)
  assert.deepEqual(bodies(taken), ['commit', 'commit'])
  assert.deepEqual(await source.settle(accept(taken)), [])
  await until('nothing is left', async () => {
    await source.settle([])
    return (await opened.committed()) === 8
  })
  await source.close()
})
