/** Doors into each broker: 202 when it has confirmed, 503 while it is not there. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { Batch, Channel, MappingConfig } from 'millrace'
import { kafka } from 'millrace/kafka'
import { rabbitmq } from 'millrace/rabbitmq'
import { redis } from 'millrace/redis'
import { http } from '../../../connectors/http/channel.ts'
import { makeTopic, plainKafka } from '../../support/brokers/kafka-client.ts'
import { freePort } from '../../support/brokers/ports.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { serve } from './served.ts'

interface Place {
  readonly channel: Channel
  readonly source: MappingConfig['source']
}

const [kafkaServer, rabbitServer, redisServer] = [
  sharedBroker('kafka'),
  sharedBroker('rabbitmq'),
  sharedBroker('redis'),
]

const PLACES: Readonly<Record<string, { readonly missing: string | false; readonly open: () => Promise<Place> }>> = {
  'a Kafka topic': {
    missing: kafkaServer.missing,
    async open() {
      const [brokers, topic] = [(await kafkaServer.address()).url, `doors-${randomUUID()}`]
      const admin = plainKafka(brokers).admin()
      await admin.connect()
      await makeTopic(admin, { topic, numPartitions: 2 })
      await admin.disconnect()
      const channel = kafka('broker', { brokers }).topic(topic)
      return { channel, source: channel.read({ group: topic }) }
    },
  },
  'a RabbitMQ queue': {
    missing: rabbitServer.missing,
    async open() {
      const channel = rabbitmq('broker', { url: (await rabbitServer.address()).url }).queue(`doors-${randomUUID()}`)
      return { channel, source: channel }
    },
  },
  'a Redis stream': {
    missing: redisServer.missing,
    async open() {
      const channel = redis('broker', { url: (await redisServer.address()).url }).stream(`doors-${randomUUID()}`)
      return { channel, source: channel }
    },
  },
}

const post = (url: string, n: number) =>
  fetch(url, { method: 'POST', body: `{"n":${n}}`, headers: { 'content-type': 'application/json', 'x-tenant': 't' } })

for (const [name, { missing, open }] of Object.entries(PLACES))
  test(`a door into ${name}: what was answered 202 is there`, { skip: missing }, async context => {
    const { channel, source } = await open()
    const seen: Batch[number][] = []
    const { url } = await serve(context, {
      doors: [http('api', { port: 0 }).post('/in', { into: channel, headers: ['x-tenant'] })],
      mappings: { keep: { source, function: (batch: Batch) => void seen.push(...batch) } },
    })
    const numbers = Array.from({ length: 50 }, (_, n) => n)
    for (const answer of await Promise.all(numbers.map(n => post(`${url}/in`, n)))) assert.equal(answer.status, 202)
    await until(
      'all are there',
      () => new Set(seen.map(({ data }) => (data as { n: number }).n)).size === numbers.length,
    )
    const tenant = seen[0]?.headers.find(([header]) => header === 'x-tenant')?.[1]
    assert.equal(tenant instanceof Uint8Array ? Buffer.from(tenant).toString() : tenant, 't')
  })

test('a door into a broker that is not there says to come again', async context => {
  const channel = rabbitmq('broker', { url: `amqp://127.0.0.1:${await freePort()}`, sendTimeout: '1s' }).queue('orders')
  const { url, lines } = await serve(context, {
    doors: [http('api', { port: 0 }).post('/in', { into: channel })],
    mappings: {},
  })
  const answer = await post(`${url}/in`, 1)
  assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '1'])
  assert.ok(lines.some(({ message }) => message.startsWith('what came in was not confirmed')))
})
