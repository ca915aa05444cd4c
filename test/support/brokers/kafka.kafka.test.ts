import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { KafkaConfig } from 'kafkajs'
import { openProxy } from '../proxy.ts'
import { startKafka } from './kafka.ts'
import { makeTopic, plainKafka } from './kafka-client.ts'
import { freePort } from './ports.ts'
import { sharedBroker } from './shared.ts'

const kafka = sharedBroker('kafka')

const adminOf = async (context: TestContext, broker: string, options: Partial<KafkaConfig> = {}) => {
  const admin = plainKafka(broker, options).admin()
  context.after(() => admin.disconnect())
  await admin.connect()
  return admin
}

test('topics outlive a SIGKILL of the broker', { skip: kafka.missingOwn }, async context => {
  const broker = await kafka.own()
  const before = await adminOf(context, broker.url)
  await makeTopic(before, { topic: 'durable', numPartitions: 3 })
  await before.disconnect()
  await broker.restart('SIGKILL')
  const { topics } = await (await adminOf(context, broker.url)).fetchTopicMetadata({ topics: ['durable'] })
  assert.equal(topics[0]?.partitions.length, 3)
})

test('clients stay on the proxy that the broker tells them of, and are told who may connect', {
  skip: kafka.missingOwn,
}, async context => {
  const port = await freePort()
  const proxy = await openProxy(context, { to: port })
  const broker = await startKafka(context, { port, advertisedPort: proxy.port, users: { alice: 'right' } })
  const as = (password: string): Partial<KafkaConfig> => ({
    sasl: { mechanism: 'plain', username: 'alice', password },
    retry: { retries: 0 },
  })
  const { brokers } = await (await adminOf(context, broker.url, as('right'))).describeCluster()
  assert.deepEqual(brokers, [{ nodeId: 1, host: '127.0.0.1', port: proxy.port }])
  await assert.rejects(adminOf(context, broker.url, as('wrong')), /Authentication failed/)
})
