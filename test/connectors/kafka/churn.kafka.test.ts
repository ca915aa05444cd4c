/** Groups whose members come and go, and functions that outlast sessions and rebalances. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Admin } from 'kafkajs'
import { systemClock } from '../../../core/clock.ts'
import type { Source } from '../../../core/contract.ts'
import { accept, bodies, request } from '../../../core/testing/contract/reading.ts'
import { MAX_IN_FLIGHT } from '../../chaos/run.ts'
import { plainKafka } from '../../support/brokers/kafka-client.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { openGroupOfApps } from './group-of-apps.ts'
import { GROUP, openTopic } from './opened.ts'
import { APP_GROUP, runApp, statusOf } from './running-app.ts'

const kafka = sharedBroker('kafka')
const skip = kafka.missing
const LONG = { timeoutMs: 90_000 }
const PARTITIONS = 6
const RECORDS = 6_000

test('members join, leave, are killed, stopped and continued: no record is lost, none is out of order', {
  skip,
  timeout: 180_000,
}, async context => {
  const opened = await openTopic(context, (await kafka.address()).url, { partitions: PARTITIONS })
  const group = await openGroupOfApps(context, opened)
  const { members } = group
  members.start('a')
  members.start('b')
  await group.send(RECORDS)
  await group.processed(200)
  members.start('c')
  await group.processed(1_000)
  await members.end('a', 'SIGTERM')
  members.start('d')
  await group.processed(2_000)
  await members.end('b', 'SIGKILL')
  await group.processed(3_000)
  members.signal('c', 'SIGSTOP')
  await group.processed(4_000)
  members.signal('c', 'SIGCONT')
  await group.nothingLeft()
  await members.endAll()
  // One was killed and one stopped: what they had in flight may have run twice.
  const verdict = await group.verdict(RECORDS, 2 * MAX_IN_FLIGHT)
  context.diagnostic(JSON.stringify(verdict))
  assert.ok(verdict.ok, JSON.stringify(verdict))
})

test('a clean stop in the middle of work repeats nothing', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url, { partitions: PARTITIONS })
  const group = await openGroupOfApps(context, opened)
  await group.send(RECORDS)
  group.members.start('first')
  await group.processed(500)
  await group.members.end('first', 'SIGTERM')
  const before = group.effects.lines()
  assert.ok(before < RECORDS, `all ${before} were processed before the stop`)
  group.members.start('second')
  await group.nothingLeft()
  await group.members.endAll()
  const verdict = await group.verdict(RECORDS, 0)
  assert.ok(verdict.ok, JSON.stringify(verdict))
})

test('a function of 11 s keeps its membership with a session of 5 s, and its partition through a rebalance of 8 s', {
  skip,
}, async context => {
  const opened = await openTopic(context, (await kafka.address()).url, { partitions: 2 })
  const ends = Promise.withResolvers<void>()
  const one = await runApp(context, opened, {
    connection: { sessionTimeout: '5s', rebalanceTimeout: '8s', rebalanceDrain: '1s' },
    mapping: { order: 'lane', batchSize: 1 },
    work: () => ends.promise,
  })
  await opened.publish([0, 1].map(partition => ({ key: 'k', value: `long ${partition}`, partition })))
  await until('both run', () => one.tried.length === 2)
  const other = await opened.open({ group: APP_GROUP })
  const [moved] = await until('the other one gets what it is to have', async () => {
    const found = await other.poll(request({ waitMs: 500 }))
    return found.length > 0 ? found : undefined
  })
  assert.ok(moved)
  const lost = one.tried.filter(({ signal }) => signal.aborted)
  const kept = one.tried.filter(({ signal }) => !signal.aborted)
  assert.deepEqual([lost.length, kept.length], [1, 1])
  const { generation, since } = { generation: await memberIds(opened.admin), since: systemClock.monotonic() }
  await until('11 s have passed', () => systemClock.monotonic() - since > 11_000, LONG)
  assert.deepEqual(await memberIds(opened.admin), generation, 'nobody was thrown out')
  ends.resolve()
  await until('the long one is committed', async () => (await opened.committed(APP_GROUP, kept[0]?.partition)) === 1)
  await until('and counted', () => statusOf(one).counts.accepted === 1)
  assert.deepEqual(await other.settle(accept([moved])), [])
  assert.equal(await opened.committed(APP_GROUP, lost[0]?.partition), 1)
  assert.equal(one.tried.length, 2, 'nothing was tried twice here')
  await other.close()
})

const memberIds = async (admin: Admin): Promise<readonly string[]> => {
  const { groups } = await admin.describeGroups([APP_GROUP])
  return groups.flatMap(({ members }) => members.map(({ memberId }) => memberId)).sort()
}

test('a member that joins takes its share, and what stays is not interrupted', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url, { partitions: PARTITIONS })
  const publishToAll = (value: string) =>
    opened.publish(Array.from({ length: PARTITIONS }, (_, partition) => ({ value, partition })))
  const lanesOf = async (source: Source, value: string, count: number): Promise<readonly string[]> => {
    const lanes: string[] = []
    await until(`${count} of ${value}`, async () => {
      const found = await source.poll(request({ waitMs: 100 }))
      await source.settle(accept(found))
      lanes.push(...found.filter((_, index) => bodies(found)[index] === value).map(({ lane }) => lane))
      return lanes.length >= count
    })
    return lanes.sort()
  }
  const one = await opened.open()
  const two = await opened.open()
  await publishToAll('of two')
  const [ofOne, ofTwo] = await Promise.all([lanesOf(one, 'of two', 3), lanesOf(two, 'of two', 3)])
  const three = await opened.open()
  await publishToAll('of three')
  const [nowOne, nowTwo, nowThree] = await Promise.all([
    lanesOf(one, 'of three', 2),
    lanesOf(two, 'of three', 2),
    lanesOf(three, 'of three', 2),
  ])
  assert.ok(nowOne.every(lane => ofOne.includes(lane)) && nowTwo.every(lane => ofTwo.includes(lane)))
  await two.close()
  await publishToAll('of the rest')
  const [restOne, restThree] = await Promise.all([lanesOf(one, 'of the rest', 3), lanesOf(three, 'of the rest', 3)])
  assert.ok(nowOne.every(lane => restOne.includes(lane)) && nowThree.every(lane => restThree.includes(lane)))
  await Promise.all([one.close(), three.close()])
})

test('a client that knows only round robin can be in the group, and both read', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url, { partitions: 2 })
  const client = plainKafka(opened.brokers)
  const stranger = client.consumer({ groupId: GROUP, rebalanceTimeout: 10_000, sessionTimeout: 6_000 })
  context.after(() => stranger.disconnect())
  const theirs: string[] = []
  await stranger.connect()
  await stranger.subscribe({ topic: opened.topic, fromBeginning: true })
  await stranger.run({ eachMessage: async ({ message }) => void theirs.push(String(message.value)) })
  const source = await opened.open()
  await until('both are members', async () => {
    const { groups } = await opened.admin.describeGroups([GROUP])
    return (
      groups[0]?.state === 'Stable' && groups[0].members.length === 2 && groups[0].protocol === 'RoundRobinAssigner'
    )
  })
  await opened.publish([0, 1].map(partition => ({ value: `in ${partition}`, partition })))
  const ours: string[] = []
  await until('each has one', async () => {
    ours.push(...bodies(await source.poll(request({ waitMs: 100 }))))
    return ours.length === 1 && theirs.length === 1
  })
  assert.deepEqual([...ours, ...theirs].sort(), ['in 0', 'in 1'])
  await source.close()
})
