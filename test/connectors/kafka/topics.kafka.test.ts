import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { kafka as kafkaConnection } from '../../../connectors/kafka/channel.ts'
import type { Delivery, ReadOptions, Source } from '../../../core/contract.ts'
import type { MillraceError } from '../../../core/errors.ts'
import { accept, bodies, request } from '../../../core/testing/contract/reading.ts'
import { makeTopic } from '../../support/brokers/kafka-client.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { openTopic } from './opened.ts'

const kafka = sharedBroker('kafka')
const skip = kafka.missing
const QUICK = { topicRefresh: '1s', sessionTimeout: '6s', rebalanceTimeout: '10s', rebalanceDrain: '5s' }
const LONG = { timeoutMs: 60_000 }

/** Topics with a beginning of their own, so that a pattern of one test matches those of no other. */
const openFamily = async (context: TestContext) => {
  const { admin, producer, connect } = await openTopic(context, (await kafka.address()).url)
  const family = `f-${randomUUID()}`
  const channel = kafkaConnection('shop', { brokers: 'unused:1' }).topics(new RegExp(`^${family}\\.`))
  return {
    admin,
    family,
    create: (name: string, numPartitions = 1) => makeTopic(admin, { topic: `${family}.${name}`, numPartitions }),
    send: async (name: string, values: readonly string[]) =>
      void (await producer.send({ topic: `${family}.${name}`, acks: -1, messages: values.map(value => ({ value })) })),
    async open(read: Partial<ReadOptions> = {}): Promise<Source> {
      const connection = await connect(QUICK)
      return connection.openSource(channel, { group: family, start: 'earliest', maxInFlight: 100, ...read })
    },
  }
}

/** Polls and settles until all of `wanted` came, whatever polls fail in between; answers all that came. */
const readUntil = async (source: Source, wanted: readonly string[]): Promise<readonly Delivery[]> => {
  const found: Delivery[] = []
  await until(
    `${wanted} came`,
    async () => {
      const taken = await source.poll(request({ waitMs: 500 })).catch((error: MillraceError) => {
        assert.equal(error.fatal, false, error.message)
        return []
      })
      found.push(...taken)
      await source.settle(accept(taken))
      return wanted.every(body => bodies(found).includes(body))
    },
    LONG,
  )
  return found
}

test('a pattern reads all topics that match, each partition a lane', { skip }, async context => {
  const family = await openFamily(context)
  await family.create('a', 2)
  await family.create('b')
  await family.send('a', ['a1', 'a2', 'a3', 'a4'])
  await family.send('b', ['b1'])
  const source = await family.open()
  const found = await readUntil(source, ['a1', 'a2', 'a3', 'a4', 'b1'])
  assert.equal(found.length, 5)
  const lanes = new Set(found.map(({ lane }) => lane.replace(family.family, 'f')))
  assert.ok(
    [...lanes].every(lane => ['f.a/0', 'f.a/1', 'f.b/0'].includes(lane)) && lanes.has('f.b/0'),
    [...lanes].join(),
  )
  assert.equal(found[0]?.record.source, `shop/^${family.family}\\./`)
  const lag = await source.lag?.()
  assert.deepEqual(
    lag?.map(({ records }) => records),
    [0, 0, 0],
  )
  await source.close()
})

test('a topic that comes to match is read from its first record, also by a group that began at the latest', {
  skip,
}, async context => {
  const family = await openFamily(context)
  await family.create('old')
  await family.send('old', ['before'])
  const source = await family.open({ start: 'latest' })
  await family.create('new')
  await family.send('new', ['n1', 'n2'])
  await family.send('old', ['after'])
  const found = await readUntil(source, ['n1', 'n2', 'after'])
  assert.deepEqual(bodies(found).toSorted(), ['after', 'n1', 'n2'])
  await source.close()
})

test('what runs is settled before other topics are read with it, and does not come again', { skip }, async context => {
  const family = await openFamily(context)
  await family.create('a')
  await family.send('a', ['slow', 'next'])
  const source = await family.open()
  const held = await source.poll(request({ max: 1, waitMs: 10_000 }))
  assert.deepEqual(bodies(held), ['slow'])
  await family.create('b')
  await family.send('b', ['b1'])
  // The drain has begun when nothing is handed out any more though there is something.
  const early: Delivery[] = []
  await until('it drains', async () => {
    const taken = await source.poll(request({ max: 1, waitMs: 300 }))
    early.push(...taken)
    await source.settle(accept(taken))
    return taken.length === 0
  })
  assert.equal(held[0]?.lost.aborted, false)
  assert.deepEqual(await source.settle(accept(held)), [])
  const found = await readUntil(source, ['b1'])
  assert.ok(![...bodies(found), ...bodies(early)].includes('slow'))
  await source.close()
})

test('a topic that is deleted leaves the others to be read', { skip }, async context => {
  const family = await openFamily(context)
  await family.create('gone')
  await family.create('stays')
  const source = await family.open()
  await family.send('gone', ['g1'])
  await readUntil(source, ['g1'])
  await family.admin.deleteTopics({ topics: [`${family.family}.gone`] })
  await family.send('stays', ['s1'])
  await readUntil(source, ['s1'])
  await source.close()
})

test('a pattern that nothing matches waits, and says so', { skip }, async context => {
  const family = await openFamily(context)
  await assert.rejects(family.open(), (error: MillraceError) => {
    assert.deepEqual([error.code, error.fatal], ['SOURCE_FAILED', false])
    assert.match(error.message, /no topic matches .*; create one, or correct the pattern/)
    return true
  })
  await family.create('a')
  await (await family.open()).close()
})

test('a time is where each topic begins', { skip }, async context => {
  const family = await openFamily(context)
  for (const name of ['a', 'b']) {
    await family.create(name)
    await family.send(name, [`${name} before`])
  }
  const start = Date.now() + 1
  await until('the clock has moved on', () => Date.now() > start)
  for (const name of ['a', 'b']) await family.send(name, [`${name} after`])
  const source = await family.open({ start })
  const found = await readUntil(source, ['a after', 'b after'])
  assert.equal(found.length, 2)
  await source.close()
})

test('nothing can be sent to a pattern', { skip }, async context => {
  const { connect, topic } = await openTopic(context, (await kafka.address()).url)
  const connection = await connect()
  const { topics } = kafkaConnection('shop', { brokers: 'unused:1' })
  await assert.rejects(connection.openSink(topics(new RegExp(topic))), /is a pattern; send to a topic that is declared/)
})

test('partitions that are added while it runs are read from their first record', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const source = await opened.open({ start: 'latest' }, QUICK)
  await opened.admin.createPartitions({ topicPartitions: [{ topic: opened.topic, count: 3 }] })
  await until('the producer sees them', async () => {
    const { topics } = await opened.admin.fetchTopicMetadata({ topics: [opened.topic] })
    return topics[0]?.partitions.length === 3
  })
  const messages = [0, 1, 2].map(partition => ({ value: `p${partition}`, partition }))
  await until('they take records', () =>
    opened.publish(messages).then(
      () => true,
      () => undefined,
    ),
  )
  await readUntil(source, ['p0', 'p1', 'p2'])
  await source.close()
})

for (const count of [1, 6])
  test(`a topic that was deleted and made anew with ${count} records loses none of them`, { skip }, async context => {
    const opened = await openTopic(context, (await kafka.address()).url)
    const source = await opened.open({ start: 'latest' }, QUICK)
    await opened.publish(['0', '1', '2'].map(value => ({ value })))
    await readUntil(source, ['0', '1', '2'])
    await opened.publish([{ value: 'held' }])
    const [held] = await source.poll(request({ max: 1, waitMs: 10_000 }))
    assert.ok(held)
    await opened.admin.deleteTopics({ topics: [opened.topic] })
    await until('it is gone', async () => !(await opened.admin.listTopics()).includes(opened.topic))
    await makeTopic(opened.admin, { topic: opened.topic })
    const again = Array.from({ length: count }, (_, index) => `again ${index}`)
    await opened.publish(again.map(value => ({ value })))
    const found = await readUntil(source, again)
    assert.deepEqual(await source.settle(accept([held])), [])
    assert.deepEqual(bodies(found), again)
    assert.equal(await opened.committed(), count)
    assert.equal((await opened.admin.fetchTopicOffsets(opened.topic))[0]?.high, String(count))
    await source.close()
  })
