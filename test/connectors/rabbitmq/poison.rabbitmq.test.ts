/** Whole mappings on the real broker, with bodies that nobody can read and dead letters that nobody takes. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Channel, createApp, defineConfig, onRecord } from 'millrace'
import { rabbitmq as connection } from 'millrace/rabbitmq'
import { queueCounts } from '../../support/brokers/rabbit-counts.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'
import { type OpenedQueue, openQueue } from './opened.ts'

const rabbitmq = sharedBroker('rabbitmq')
const counts = queueCounts()
const skip = rabbitmq.missingOwn

const runApp = async (context: TestContext, opened: OpenedQueue, deadQueue?: string) => {
  const shop = connection('shop', { url: opened.url, sendTimeout: '5s' })
  const orders = shop.queue<{ id: string }>(opened.queue)
  const dead: Channel | undefined = deadQueue === undefined ? undefined : shop.queue(deadQueue, { declare: false })
  const done: string[] = []
  const handler = onRecord(orders, order => {
    if (order.data.id === 'poison') throw new Error('cannot be done')
    done.push(order.data.id)
  })
  const deadLetters = dead === undefined ? {} : { deadLetters: { to: dead } }
  const app = createApp(
    defineConfig({
      name: 'shop',
      stateDir: await temporaryFolder(context),
      mappings: { work: { source: orders, function: handler, maxAttempts: 1, ...deadLetters } },
    }),
  )
  context.after(() => app.stop())
  await app.start()
  return { app, done }
}

test('bodies that are no JSON, or no text at all, become dead letters byte for byte, and what follows is read', {
  skip,
}, async context => {
  const broker = await rabbitmq.own()
  const opened = await openQueue(context, broker.url)
  const bad = ['{"id":', '', 'NaN', Buffer.from([0xff, 0xfe, 0x22]), '['.repeat(50_000)]
  await opened.publish(['{"id":"good"}', ...bad, '{"id":"good"}'])
  const { app, done } = await runApp(context, opened)
  await until('all are settled', async () => (await counts.records(broker, opened.queue)) === 0)
  assert.deepEqual(done, ['good', 'good'])
  const letters = await app.deadLetters.list()
  assert.deepEqual(
    letters.map(({ reason }) => reason),
    bad.map(() => 'undecodable'),
  )
  const parked = await Promise.all(letters.map(async ({ id }) => (await app.deadLetters.show(id)).letter.record.body))
  assert.deepEqual(
    parked.map(body => Buffer.from(body ?? []).toString('hex')).toSorted(),
    bad.map(body => Buffer.from(body).toString('hex')).toSorted(),
  )
})

test('a record stays unsettled while its dead letters are refused, and is settled once they are taken', {
  skip,
}, async context => {
  const broker = await rabbitmq.own()
  const opened = await openQueue(context, broker.url)
  const dead = `dead-of-${opened.queue}`
  await opened.independently(async channel => {
    await channel.assertQueue(dead, { durable: true, maxLength: 1, arguments: { 'x-overflow': 'reject-publish' } })
    channel.sendToQueue(dead, Buffer.from('full'))
    await channel.waitForConfirms()
  })
  await opened.publish(['{"id":"poison"}', '{"id":"good"}'])
  const { app, done } = await runApp(context, opened, dead)
  await until('it has been refused', () => /a queue for it is full/.test(JSON.stringify(app.status())))
  await until('the other is settled', async () => (await counts.records(broker, opened.queue)) === 1)
  assert.deepEqual([done, await app.deadLetters.list()], [['good'], []])
  await opened.independently(channel => channel.purgeQueue(dead))
  await until('it is settled, too', async () => (await counts.records(broker, opened.queue)) === 0)
  assert.equal(await counts.records(broker, dead), 1)
  assert.equal((await app.deadLetters.list()).length, 1)
})

test('a record with nearly 64 KiB of headers is parked with all of them, here and in a queue for dead letters', {
  skip,
}, async context => {
  const broker = await rabbitmq.own()
  const opened = await openQueue(context, broker.url)
  const dead = `dead-of-${opened.queue}`
  await opened.independently(channel => channel.assertQueue(dead, { durable: true }))
  const note = 'x'.repeat(60_000)
  await opened.publish(['{"id":"poison"}'], { messageId: 'large', headers: { note } })
  const { app } = await runApp(context, opened, dead)
  await until('it is settled', async () => (await counts.records(broker, opened.queue)) === 0)
  const [letter] = await app.deadLetters.list()
  assert.ok(letter)
  assert.deepEqual((await app.deadLetters.show(letter.id)).letter.record.headers, [['note', note]])
  const copy = await opened.independently(channel => channel.get(dead, { noAck: true }))
  assert.ok(copy)
  assert.equal(copy.properties.headers?.note, note)
})
