/** Records that wait at the broker: nothing that happens meanwhile loses them, or shows in them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Delivery } from '../../../core/contract.ts'
import { accept, bodies, readOn, settleAll, take } from '../../../core/testing/contract/reading.ts'
import { queueCounts } from '../../support/brokers/rabbit-counts.ts'
import { startRabbit } from '../../support/brokers/rabbitmq.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { openQueue } from './opened.ts'

const rabbitmq = sharedBroker('rabbitmq')
const counts = queueCounts()
const skip = rabbitmq.missingOwn
const harness = { patienceMs: 10_000 } as never

const deferred = (deliveries: readonly Delivery[], delayMs: number) =>
  deliveries.map(delivery => ({ delivery, outcome: 'deferred', attempts: 3, delayMs }) as const)

/** Brokers keep headers in an order of their own. */
const comparable = ([delivery]: readonly Delivery[]) => {
  assert.ok(delivery)
  return { ...delivery.record, headers: Object.fromEntries(delivery.record.headers) }
}

test('a record that waits shows nothing of the way it took, and keeps what other queues have done to it', {
  skip,
}, async context => {
  const broker = await rabbitmq.own()
  const opened = await openQueue(context, broker.url)
  const source = await opened.open()
  // From a queue whose owner dead-letters to ours.
  const from = `${opened.queue}-from`
  await opened.independently(async channel => {
    const toOurs = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': opened.queue }
    await channel.assertQueue(from, { durable: true, messageTtl: 1, arguments: toOurs })
    channel.sendToQueue(from, Buffer.from('expired elsewhere'), {
      persistent: true,
      messageId: 'one',
      headers: { mine: 1 },
    })
    await channel.waitForConfirms()
  })
  const first = await take(harness, source, 1)
  const before = comparable(first)
  const marks = ['x-death', 'x-first-death-exchange', 'x-first-death-queue', 'x-first-death-reason']
  assert.deepEqual(Object.keys(before.headers).toSorted(), ['mine', ...marks])
  await settleAll(harness, source, deferred(first, 900))
  const again = await take(harness, source, 1)
  assert.deepEqual(comparable(again), before)
  assert.deepEqual([again[0]?.attempts, again[0]?.priorDeliveries], [3, 0])
  assert.equal(again[0]?.firstSeen, first[0]?.firstSeen)
  await settleAll(harness, source, accept(again))
  await source.close()
})

test('a delay queue is replicated, hands on at least once, refuses what it has no room for, and never expires', {
  skip,
}, async context => {
  const broker = await rabbitmq.own()
  const opened = await openQueue(context, broker.url)
  const source = await opened.open()
  await opened.publish(['a'])
  await settleAll(harness, source, deferred(await take(harness, source, 1), 14_000))
  // The same again is no error only where it is the same.
  await opened.independently(channel =>
    channel.assertQueue(`${opened.queue}.delay.15s`, {
      durable: true,
      arguments: {
        'x-queue-type': 'quorum',
        'x-message-ttl': 15_000,
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': opened.queue,
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
      },
    }),
  )
  assert.equal(await counts.records(broker, `${opened.queue}.delay`), 1)
  await source.close()
})

test('a record that waits in a queue just made for it outlives a kill of the broker, and the process that sent it', {
  skip,
}, async context => {
  const broker = await rabbitmq.own()
  const opened = await openQueue(context, broker.url)
  const source = await opened.open()
  await opened.publish(['waits'])
  await settleAll(harness, source, deferred(await take(harness, source, 1), 5_000))
  await source.close()
  await broker.restart('SIGKILL')
  // A queue that comes back without its record, or answers nobody, does not count.
  const waiting = () => counts.records(broker, opened.queue).catch(() => undefined)
  await until('it is still there', async () => (await waiting()) === 1)
  const next = await opened.open()
  const [back] = await readOn(harness, next, found => found.length === 1)
  assert.ok(back)
  assert.deepEqual([bodies([back]), back.attempts], [['waits'], 3])
  await settleAll(harness, next, accept([back]))
  assert.equal(await counts.records(broker, opened.queue), 0)
  await next.close()
})

test('a record that waits while its queue is deleted comes once there is one again', { skip }, async context => {
  const broker = await startRabbit({ after: end => context.after(end) })
  // After three minutes otherwise.
  await broker.ctl('eval', 'application:set_env(rabbit, dead_letter_worker_publisher_confirm_timeout, 1000).')
  const opened = await openQueue(context, broker.url, {}, 'not made')
  const source = await opened.open()
  await opened.publish(['waits'])
  await settleAll(harness, source, deferred(await take(harness, source, 1), 1_000))
  await source.close()
  await opened.independently(channel => channel.deleteQueue(opened.queue))
  await until('its time is over', async () => (await readyIn(`${opened.queue}.delay.1s`)) === 0)
  const next = await opened.open()
  assert.deepEqual(bodies(await readOn(harness, next, found => found.length === 1)), ['waits'])
  await next.close()

  function readyIn(queue: string): Promise<number> {
    return opened.independently(async channel => (await channel.checkQueue(queue)).messageCount)
  }
})
