/** Whole mappings on the real broker, with bodies that nobody can read and dead letters that nobody takes. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createApp, defineConfig, onRecord } from 'millrace'
import { kafka as connection } from 'millrace/kafka'
import { makeTopic } from '../../support/brokers/kafka-client.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'
import { type OpenedTopic, openTopic } from './opened.ts'

const kafka = sharedBroker('kafka')
const skip = kafka.missing
const QUICK = { sessionTimeout: '6s', rebalanceTimeout: '10s', rebalanceDrain: '5s' } as const

const runApp = async (context: TestContext, opened: OpenedTopic, deadTopic?: string) => {
  const shop = connection('shop', { brokers: opened.brokers, ...QUICK })
  const orders = shop.topic<{ id: string }>(opened.topic)
  const done: string[] = []
  const handler = onRecord(orders, order => {
    if (order.data.id === 'poison') throw new Error('cannot be done')
    done.push(order.data.id)
  })
  const deadLetters = deadTopic === undefined ? {} : { deadLetters: { to: shop.topic(deadTopic) } }
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

test('bodies that are no JSON, or no text at all, become dead letters, and what follows is read', {
  skip,
}, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const bad = ['{"id":', '', 'NaN', Buffer.from([0xff, 0xfe, 0x22]), '['.repeat(50_000)]
  const good = { value: '{"id":"good"}' }
  await opened.publish([good, ...bad.map(value => ({ value })), good])
  const { app, done } = await runApp(context, opened)
  await until('all are settled', async () => (await opened.committed('shop.work')) === bad.length + 2)
  assert.deepEqual(done, ['good', 'good'])
  const letters = await app.deadLetters.list()
  assert.deepEqual(
    letters.map(({ reason }) => reason),
    bad.map(() => 'undecodable'),
  )
})

test('a record stays unsettled while its dead letters are refused, and is settled once they are taken', {
  skip,
}, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const dead = `${opened.topic}.dead`
  await opened.publish([{ value: '{"id":"poison"}' }, { value: '{"id":"good"}' }])
  const { app } = await runApp(context, opened, dead)
  await until('it has been refused', () => JSON.stringify(app.status()).includes(dead), { timeoutMs: 60_000 })
  assert.equal(await opened.committed('shop.work'), 0)
  await makeTopic(opened.admin, { topic: dead })
  await until('both are settled', async () => (await opened.committed('shop.work')) === 2, { timeoutMs: 90_000 })
  assert.equal((await opened.admin.fetchTopicOffsets(dead))[0]?.high, '1')
})
