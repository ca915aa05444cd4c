/** Where reading begins, and where it goes on when the position is moved or vanishes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import type { Delivery, Source } from '../../../core/contract.ts'
import { logTo } from '../../../core/log.ts'
import { accept, bodies, numbered, request, take } from '../../../core/testing/contract/reading.ts'
import { plainKafka } from '../../support/brokers/kafka-client.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { channelOf, GROUP, type OpenedTopic, openTopic } from './opened.ts'

const kafka = sharedBroker('kafka')
const skip = kafka.missing

const readAll = async (source: Source, count: number): Promise<readonly Delivery[]> => {
  const taken = await take({} as never, source, count)
  assert.deepEqual(await source.settle(accept(taken)), [])
  return taken
}

test('where a group begins is committed before it has read anything', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  await opened.publish(['0', '1', '2'].map(value => ({ value })))
  const first = await opened.open({ start: 'latest' })
  assert.equal(await opened.committed(), 3)
  await first.close()
  await opened.publish([{ value: 'while nobody was there' }])
  const second = await opened.open({ start: 'latest' })
  assert.deepEqual(bodies(await readAll(second, 1)), ['while nobody was there'])
  await second.close()
})

test('a time is where a topic begins, once; one that is still to come is its end', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const timed = (value: string, timestamp: number) => ({ value, timestamp: String(timestamp) })
  await opened.publish([timed('at 1000', 1_000), timed('at 2000', 2_000), timed('at 3000', 3_000)])
  const source = await opened.open({ start: 1_500 })
  assert.deepEqual(bodies(await readAll(source, 2)), ['at 2000', 'at 3000'])
  await source.close()
  const again = await opened.open({ start: 0 })
  assert.deepEqual(await again.poll(request({ waitMs: 300 })), [])
  await again.close()
  const late = await opened.open({ group: 'late', start: systemClock.now() + 3_600_000 })
  await opened.publish([{ value: 'new' }])
  assert.deepEqual(bodies(await readAll(late, 1)), ['new'])
  await late.close()
})

test('records that vanish under a reader are skipped and counted, and it never goes to the end', {
  skip,
}, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const said: string[] = []
  const connection = await opened.connect(
    { fetchBytes: '1 KB' },
    logTo((_level, message) => said.push(message)),
  )
  const read = { group: GROUP, start: 'latest', maxInFlight: 1_000 } as const
  const source = await connection.openSource(channelOf(opened.topic), read)
  const sent = numbered(400).map(name => name.padEnd(300, '.'))
  await opened.publish(sent.map(value => ({ value })))
  const [first] = await take({} as never, source, 1)
  assert.ok(first, 'it reads, and its mailbox is full long before the end')
  const REMAIN = 350
  // Only then its client knows who leads the partition.
  assert.equal((await opened.admin.fetchTopicOffsets(opened.topic))[0]?.high, '400')
  await opened.admin.deleteTopicRecords({
    topic: opened.topic,
    partitions: [{ partition: 0, offset: String(REMAIN) }],
  })
  const found = [first]
  await until('the last has come', async () => {
    found.push(...(await source.poll(request({ waitMs: 500 }))))
    return bodies(found).at(-1) === sent.at(-1)
  })
  const offsets = found.map(({ record }) => Number(record.position?.offset))
  const before = offsets.filter(offset => offset < REMAIN)
  assert.deepEqual(offsets, [...before.keys(), ...Array.from({ length: 400 - REMAIN }, (_, index) => REMAIN + index)])
  assert.match(said.join('\n'), new RegExp(`the position ${before.length} of .* reading goes on at ${REMAIN}`))
  assert.deepEqual(await source.settle(accept(found)), [])
  assert.equal(await opened.committed(), 400)
  await source.close()
})

const metadataOf = async ({ admin, topic }: OpenedTopic): Promise<string> => {
  const [found] = await admin.fetchOffsets({ groupId: GROUP, topics: [topic] })
  return found?.partitions[0]?.metadata ?? ''
}

/** As a tool does that copies positions of a group with all that is said beside them. */
const commitAsAnother = async (opened: OpenedTopic, offset: string, metadata: string): Promise<void> => {
  const consumer = plainKafka(opened.brokers).consumer({ groupId: GROUP, sessionTimeout: 6_000 })
  const joined = Promise.withResolvers<void>()
  consumer.on(consumer.events.GROUP_JOIN, () => joined.resolve())
  await consumer.connect()
  await consumer.subscribe({ topic: opened.topic })
  await consumer.run({ autoCommit: false, eachBatch: async () => undefined })
  await joined.promise
  await consumer.commitOffsets([{ topic: opened.topic, partition: 0, offset, metadata }])
  await consumer.disconnect()
}

test('where somebody moved the position reading goes on there, whatever was said of the old one', {
  skip,
}, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  await opened.publish(['0', '1', '2', '3'].map(value => ({ value })))
  const source = await opened.open()
  const [, ...others] = await take({} as never, source, 4)
  assert.deepEqual(await source.settle(accept(others)), [])
  await source.close()
  assert.equal(await opened.committed(), 0)
  await commitAsAnother(opened, '1', await metadataOf(opened))
  const again = await opened.open()
  assert.deepEqual(bodies(await readAll(again, 3)), ['1', '2', '3'])
  assert.equal(await opened.committed(), 4)
  await again.close()
})
