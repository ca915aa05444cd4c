/** Deferral by retry topics on a real broker. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import kafkajs from 'kafkajs'
import { createDeferrals } from '../../../connectors/kafka/deferral.ts'
import { retryTopic } from '../../../connectors/kafka/retry-topics.ts'
import { systemClock } from '../../../core/clock.ts'
import type { Delivery, Settlement, Source } from '../../../core/contract.ts'
import { MillraceError } from '../../../core/errors.ts'
import { silentLog } from '../../../core/log.ts'
import { accept, bodies, nothingMore, request, take } from '../../../core/testing/contract/reading.ts'
import { sourceCases } from '../../../core/testing/contract/source-contract.ts'
import { makeTopic, plainKafka } from '../../support/brokers/kafka-client.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { GROUP, type OpenedTopic, openHarness, openTopic } from './opened.ts'
import { APP_GROUP, runApp, statusOf } from './running-app.ts'

const kafka = sharedBroker('kafka')
const skip = kafka.missing
const MAKE = { createTopics: true }

const open = (opened: OpenedTopic, ...retrySteps: readonly number[]): Promise<Source> =>
  opened.open({}, MAKE, { retrySteps })

const opening = async (context: TestContext, partitions = 1): Promise<OpenedTopic> =>
  openTopic(context, (await kafka.address()).url, { partitions })

const defer = (delivery: Delivery, delayMs: number, attempts = 1): Settlement => ({
  delivery,
  outcome: 'deferred',
  attempts,
  delayMs,
})

const takeOne = async (source: Source): Promise<Delivery> => {
  const [delivery] = await take({} as never, source, 1)
  assert.ok(delivery, 'a record comes')
  return delivery
}

const lagOf = async (source: Source): Promise<number> =>
  ((await source.lag?.()) ?? []).reduce((sum, { records }) => sum + records, 0)

const promise = 'deferred records come again later, with their attempts'

test(`kafka topic with retry topics: ${promise}`, { skip }, async context => {
  const opened = await opening(context)
  const harness = await openHarness(context, opened.brokers)
  let source: Source | undefined
  await sourceCases
    .find(each => each.promise === promise)
    ?.run({
      ...harness,
      async open() {
        source = await open(opened, 300, 3_600_000)
        return source
      },
      publish: values => opened.publish(values.map(value => ({ value }))),
      backlog: async () => (source ? lagOf(source) : 0),
    })
})

test('a deferred record is settled in its partition, survives a restart, and comes back as it was', {
  skip,
}, async context => {
  const opened = await opening(context, 3)
  const source = await open(opened, 1_000)
  await opened.publish([
    { value: Buffer.from([0, 0xff]), key: Buffer.from([0xfe]), headers: { a: ['1', '2'], b: 'x' }, partition: 2 },
  ])
  const first = await takeOne(source)
  assert.deepEqual(await source.settle([defer(first, 700, 3)]), [])
  assert.equal(await opened.committed(GROUP, 2), 1)
  await source.close()
  const again = await open(opened, 1_000)
  const second = await takeOne(again)
  assert.deepEqual(second.record, first.record)
  assert.deepEqual([second.attempts, second.firstSeen], [3, first.firstSeen])
  assert.equal(second.lane, `${opened.topic}.retry.${GROUP}.1s/2`)
  assert.deepEqual(await again.settle(accept([second])), [])
  assert.equal(await lagOf(again), 0)
  await again.close()
})

test('a deferred record that was given back keeps its newer attempts', { skip }, async context => {
  const opened = await opening(context)
  const source = await open(opened, 200)
  await opened.publish([{ value: 'a' }])
  await source.settle([defer(await takeOne(source), 1, 3)])
  await source.settle([{ delivery: await takeOne(source), outcome: 'released', attempts: 4 }])
  const third = await takeOne(source)
  assert.equal(third.attempts, 4)
  await source.settle([defer(third, 1, 5)])
  assert.equal((await takeOne(source)).attempts, 5)
  await source.close()
})

test('what waits in a retry topic holds up nothing, and counts as lag', { skip }, async context => {
  const opened = await opening(context)
  const source = await open(opened, 3_600_000)
  await opened.publish([{ value: 'later' }])
  assert.deepEqual(await source.settle([defer(await takeOne(source), 60_000)]), [])
  await opened.publish([{ value: 'now' }])
  const now = await take({} as never, source, 1)
  assert.deepEqual(bodies(now), ['now'])
  assert.deepEqual(await source.settle(accept(now)), [])
  assert.deepEqual(await nothingMore(source), [])
  assert.equal(await lagOf(source), 1)
  assert.equal(await opened.committed(), 2)
  await source.close()
})

test('what waits in a retry topic of a step that is not configured any more still comes', { skip }, async context => {
  const opened = await opening(context)
  const source = await open(opened, 500, 3_600_000)
  await opened.publish([{ value: 'a' }])
  assert.deepEqual(await source.settle([defer(await takeOne(source), 1)]), [])
  await source.close()
  const without = await opened.open()
  assert.deepEqual(without.deferStepsMs, [])
  assert.deepEqual(bodies([await takeOne(without)]), ['a'])
  await without.close()
})

test('missing retry topics are refused, or made with as many partitions as the source and settings that lose nothing', {
  skip,
}, async context => {
  const opened = await opening(context, 3)
  const name = retryTopic(opened.topic, GROUP, 60_000).topic
  await assert.rejects(opened.open({}, {}, { retrySteps: [60_000] }), (error: MillraceError) => {
    assert.equal(error.fatal, false, 'somebody may create it')
    assert.match(error.message, /the retry topic \S+\.retry\.contract\.1m does not exist; create it with 3 partitions/)
    assert.match(error.message, /or set createTopics: true/)
    return true
  })
  assert.ok(!(await opened.admin.listTopics()).includes(name))
  const source = await open(opened, 60_000)
  const { topics } = await opened.admin.fetchTopicMetadata({ topics: [name] })
  assert.equal(topics[0]?.partitions.length, 3)
  await source.close()
})

for (const [setting, value] of [
  ['retention.ms', '100000'],
  ['cleanup.policy', 'compact'],
  ['retention.bytes', '1000000'],
] as const)
  test(`a retry topic that could lose records is refused at start: ${setting}=${value}`, { skip }, async context => {
    const opened = await opening(context)
    const { topic } = retryTopic(opened.topic, GROUP, 60_000)
    const configEntries = [{ name: setting, value }]
    await makeTopic(opened.admin, { topic, configEntries })
    await assert.rejects(open(opened, 60_000), (error: MillraceError) => {
      assert.match(error.message, new RegExp(`the retry topic \\S+: ${setting} must be .* got ${value}`))
      return true
    })
  })

test('a deferral that the broker does not confirm settles nothing; later it does, once', { skip }, async context => {
  const opened = await opening(context)
  const source = await open(opened, 300)
  await opened.publish([{ value: 'a' }, { value: 'b' }])
  const [a, b] = await take({} as never, source, 2)
  assert.ok(a && b)
  const { topic } = retryTopic(opened.topic, GROUP, 300)
  const keepBy = async (policy: string): Promise<void> => {
    const configEntries = [{ name: 'cleanup.policy', value: policy }]
    const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }]
    await opened.admin.alterConfigs({ validateOnly: false, resources })
  }
  // A compacted topic takes no record without a key. The broker applies it some time after it has confirmed it.
  await keepBy('compact')
  const stranger = plainKafka(opened.brokers).producer()
  await stranger.connect()
  context.after(() => stranger.disconnect())
  await until('the topic refuses what has no key', () =>
    stranger.send({ topic, messages: [{ value: 'probe' }] }).then(
      () => false,
      () => true,
    ),
  )
  const [before] = await opened.admin.fetchTopicOffsets(topic)
  const unsettled = await source.settle([defer(a, 1), ...accept([b])])
  assert.deepEqual(
    unsettled.map(({ delivery, error }) => [delivery, error instanceof MillraceError]),
    [[a, true]],
  )
  assert.ok(!a.lost.aborted)
  assert.equal(await opened.committed(), 0)
  await keepBy('delete')
  await until('the topic takes it', async () => (await source.settle([defer(a, 1)])).length === 0)
  assert.deepEqual(await source.settle([defer(a, 1)]), [], 'it is settled')
  assert.equal(await opened.committed(), 2)
  await until('the retry topic has it once', async () => {
    const [end] = await opened.admin.fetchTopicOffsets(topic)
    return Number(end?.high) === Number(before?.high) + 1
  })
  await source.close()
})

test('a record that no retry topic takes for its size is given back at once', { skip }, async context => {
  const opened = await opening(context)
  const { topic, stepMs } = retryTopic(opened.topic, GROUP, 60_000)
  const configEntries = [{ name: 'max.message.bytes', value: '5000' }]
  await makeTopic(opened.admin, { topic, configEntries })
  const source = await opened.open({}, {}, { retrySteps: [60_000] })
  await opened.publish([{ value: 'x'.repeat(10_000) }])
  assert.deepEqual(await source.settle([defer(await takeOne(source), 1, 2)]), [])
  assert.equal((await takeOne(source)).attempts, 2)
  await source.close()
  const unused = createDeferrals({
    clock: systemClock,
    log: silentLog,
    kafka: plainKafka(opened.brokers),
    address: 'shop/orders',
    compression: 'none',
    steps: [{ topic, stepMs }],
  })
  assert.deepEqual(await unused.send([]), { verdicts: [], unsettled: [] })
  await unused.close()
})

test('a poll that waits ends when a deferred record is due', { skip }, async context => {
  const opened = await opening(context)
  const source = await open(opened, 2_000)
  await opened.publish([{ value: 'a' }])
  assert.deepEqual(await source.settle([defer(await takeOne(source), 1)]), [])
  const found = await source.poll(request({ waitMs: 3_600_000, signal: AbortSignal.timeout(20_000) }))
  assert.deepEqual(bodies(found), ['a'])
  await source.close()
})

for (const [order, key, deferred] of [
  ['none', 'k', true],
  ['key', null, true],
  ['key', 'k', false],
  ['lane', null, false],
] as const)
  test(`a long wait is ${deferred ? 'deferred' : 'kept here'} with order ${order} and ${key === null ? 'no key' : 'a key'}`, {
    skip,
  }, async context => {
    const opened = await opening(context)
    const running = await runApp(context, opened, {
      connection: { createTopics: true },
      topic: { retrySteps: ['1s'] },
      mapping: { order, backoff: { initial: '6s', max: '6s', jitter: 'none' } },
      work: ({ body, attempt }) => {
        if (body === 'bad' && attempt < 2) throw new Error('the first try fails')
      },
    })
    await opened.publish([{ key, value: 'bad' }])
    await until('it has failed', () => running.tried.length === 1)
    if (!deferred) {
      await until('it waits', () => statusOf(running).waiting === 1)
      assert.equal(statusOf(running).counts.deferred, 0)
      return
    }
    await until('it is deferred', () => statusOf(running).counts.deferred === 1)
    assert.equal(await opened.committed(APP_GROUP), 1)
    await until('it was tried again', () => statusOf(running).counts.accepted === 1)
    assert.deepEqual(
      running.tried.map(({ attempt, offset }) => [attempt, offset]),
      [
        [1, 0],
        [2, 0],
      ],
    )
  })
