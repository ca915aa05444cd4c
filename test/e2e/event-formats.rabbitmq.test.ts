import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rabbitmq } from '../../connectors/rabbitmq/index.ts'
import { createApp, defineConfig } from '../../core/index.ts'
import { openQueue } from '../connectors/rabbitmq/opened.ts'
import { sharedBroker } from '../support/brokers/shared.ts'
import { temporaryFolder } from '../support/folder.ts'
import { until } from '../support/until.ts'

const broker = sharedBroker('rabbitmq')

test('what any client published to RabbitMQ is an event of Amazon MQ, with all that AMQP says of it', {
  skip: broker.missing,
  timeout: 180_000,
}, async context => {
  const opened = await openQueue(context, (await broker.address()).url)
  const queue = rabbitmq('rabbit', { url: opened.url }).queue(opened.queue, { codec: 'bytes' })
  const events: unknown[] = []
  const app = createApp(
    defineConfig({
      name: 'shop',
      stateDir: await temporaryFolder(context),
      mappings: {
        orders: {
          source: queue,
          format: 'lambda',
          function: async (event: unknown) => void events.push(event),
        },
      },
    }),
  )
  context.after(() => app.stop())
  await opened.publish([Uint8Array.of(0xff, 0)], {
    contentType: 'application/octet-stream',
    correlationId: 'c-1',
    deliveryMode: 2,
    expiration: '60000',
    headers: { tenant: 'é', retries: 3, paid: true, tags: ['a', 1] },
    messageId: 'm-1',
    priority: 1,
    timestamp: Date.UTC(2026, 0, 2, 0, 4, 5) / 1_000,
    type: 'order.paid',
  })
  await app.start()
  await until('the message is accepted', () => app.status().mappings[0]?.counts.accepted === 1, { timeoutMs: 30_000 })
  assert.deepEqual(events, [
    {
      eventSource: 'aws:rmq',
      eventSourceArn: `arn:millrace:mq:local:000000000000:broker:${opened.queue}`,
      rmqMessagesByQueue: {
        [`${opened.queue}::/`]: [
          {
            basicProperties: {
              contentType: 'application/octet-stream',
              contentEncoding: null,
              headers: { tenant: { bytes: [-61, -87] }, retries: 3, paid: true, tags: [{ bytes: [97] }, 1] },
              deliveryMode: 2,
              priority: 1,
              correlationId: 'c-1',
              replyTo: null,
              expiration: '60000',
              messageId: 'm-1',
              timestamp: 'Jan 2, 2026, 12:04:05 AM',
              type: 'order.paid',
              userId: null,
              appId: null,
              clusterId: null,
              bodySize: 2,
            },
            redelivered: false,
            data: '/wA=',
          },
        ],
      },
    },
  ])
})
