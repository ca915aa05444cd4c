import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { createApp, defineConfig } from 'millrace'
import { kafka as connection } from 'millrace/kafka'
import { makeTopic, plainKafka } from '../support/brokers/kafka-client.ts'
import { sharedBroker } from '../support/brokers/shared.ts'
import { temporaryFolder } from '../support/folder.ts'
import { until } from '../support/until.ts'

const kafka = sharedBroker('kafka')
const QUICK = { sessionTimeout: '6s', rebalanceTimeout: '10s', rebalanceDrain: '5s' } as const

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const int64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

test('a dead letter topic of Spring’s is adopted, listed by cause, and replayed to topic, partition and key', {
  skip: kafka.missing,
}, async context => {
  const { url } = await kafka.address()
  const name = randomUUID()
  const [topic, dlt] = [`orders-${name}`, `orders-${name}-dlt`]
  const client = plainKafka(url)
  const admin = client.admin()
  await admin.connect()
  for (const each of [topic, dlt]) await makeTopic(admin, { topic: each, numPartitions: 3 })
  await admin.disconnect()
  const producer = client.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  await producer.send({
    topic: dlt,
    messages: [0, 1].map(offset => ({
      key: `k${offset}`,
      value: `{"id":${offset}}`,
      partition: 0,
      headers: {
        trace: `t${offset}`,
        'kafka_dlt-original-topic': topic,
        'kafka_dlt-original-partition': int32(2),
        'kafka_dlt-original-offset': int64(offset),
        'kafka_dlt-original-timestamp': int64(1_700_000_000_000),
        'kafka_dlt-original-timestamp-type': 'CreateTime',
        'kafka_dlt-original-consumer-group': 'billing',
        'kafka_dlt-exception-fqcn': 'org.springframework.kafka.listener.ListenerExecutionFailedException',
        'kafka_dlt-exception-cause-fqcn': 'java.lang.IllegalStateException',
        'kafka_dlt-exception-message': `order ${offset} is not there`,
        'kafka_dlt-exception-stacktrace': 'java.lang.IllegalStateException\n\tat Charge.run(Charge.java:17)',
      },
    })),
  })
  await producer.disconnect()

  const shop = connection('shop', { brokers: url, ...QUICK })
  const app = createApp(
    defineConfig({
      name: `shop-${name}`,
      stateDir: await temporaryFolder(context),
      deadLetters: { adopt: shop.topic(dlt, { codec: 'bytes' }) },
      mappings: {},
      channels: [shop.topic(topic)],
    }),
  )
  context.after(() => app.stop())
  await app.start()
  await until('both are adopted', async () => (await app.deadLetters.list()).length === 2)
  const [group, ...others] = await app.deadLetters.groups({ by: 'error' })
  assert.deepEqual([group?.errorName, group?.letters, others.length], ['java.lang.IllegalStateException', 2, 0])
  const [{ id, recordId } = { id: '', recordId: '' }] = await app.deadLetters.list({ key: 'k1' })
  const { letter } = await app.deadLetters.show(id)
  assert.equal(recordId, `${topic}/2/1@1700000000000`)
  assert.deepEqual(letter.record.position, { topic, partition: 2, offset: 1 })
  assert.deepEqual([letter.adoptedFrom, letter.group, letter.record.time], ['spring', 'billing', 1_700_000_000_000])
  assert.match(letter.error.stack ?? '', /Charge\.java:17/)

  const { job = '' } = await app.deadLetters.replay({ all: true }, { target: { kind: 'source' } })
  await until('both are sent back', async () => (await app.deadLetters.job(job)).state === 'done')
  const got: { key: string; partition: number; headers: readonly string[] }[] = []
  const consumer = client.consumer({ groupId: `check-${name}` })
  context.after(() => consumer.disconnect())
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) =>
      void got.push({ key: String(message.key), partition, headers: Object.keys(message.headers ?? {}) }),
  })
  await until('they are there', () => got.length === 2)
  const headers = ['trace', 'millrace-replays', 'millrace-replay-of']
  assert.deepEqual(
    got.toSorted((one, other) => one.key.localeCompare(other.key)),
    [
      { key: 'k0', partition: 2, headers },
      { key: 'k1', partition: 2, headers },
    ],
  )
})
