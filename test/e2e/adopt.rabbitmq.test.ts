import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { connect } from 'amqplib'
import { createApp, defineConfig } from 'millrace'
import { rabbitmq as connection } from 'millrace/rabbitmq'
import { sharedBroker } from '../support/brokers/shared.ts'
import { temporaryFolder } from '../support/folder.ts'
import { until } from '../support/until.ts'

const rabbitmq = sharedBroker('rabbitmq')

/** A queue whose rejected messages the broker itself dead-letters, and messages that somebody has rejected. */
const deadLettered = async (context: TestContext, url: string, bodies: readonly string[]) => {
  const name = randomUUID()
  const [queue, dlq, exchange] = [`orders-${name}`, `dlq-${name}`, `shop-${name}`]
  const client = await connect(url)
  context.after(() => client.close())
  const channel = await client.createConfirmChannel()
  await channel.assertExchange(exchange, 'topic')
  await channel.assertQueue(dlq, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
  const dead = { 'x-queue-type': 'quorum', 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dlq }
  await channel.assertQueue(queue, { durable: true, arguments: dead })
  await channel.bindQueue(queue, exchange, 'order.*')
  for (const body of bodies)
    channel.publish(exchange, 'order.paid', Buffer.from(body), {
      persistent: true,
      headers: { trace: body },
      messageId: `${name}-${body}`,
    })
  await channel.waitForConfirms()
  for (let rejected = 0; rejected < bodies.length; ) {
    const message = await channel.get(queue)
    if (!message) continue
    channel.reject(message, false)
    rejected += 1
  }
  return { queue, dlq, channel }
}

test('what RabbitMQ dead-lettered is adopted, listed by cause, run by its mapping or sent back to its queue', {
  skip: rabbitmq.missing,
}, async context => {
  const { url } = await rabbitmq.address()
  const { queue, dlq, channel } = await deadLettered(context, url, ['1', '2', '3'])
  const shop = connection('shop', { url })
  const orders = shop.queue(queue, { declare: false, codec: 'text' })
  const ran: string[] = []
  const start = async (mapped: 'mapped' | 'unmapped') => {
    const app = createApp(
      defineConfig({
        name: 'shop',
        stateDir: await temporaryFolder(context),
        deadLetters: { adopt: [shop.queue(dlq, { declare: false, codec: 'bytes' })] },
        mappings:
          mapped === 'mapped'
            ? {
                charge: {
                  source: orders,
                  function: async (records: readonly { data: string }[]) =>
                    void ran.push(...records.map(({ data }) => data)),
                },
              }
            : {},
        channels: [orders],
      }),
    )
    context.after(() => app.stop())
    await app.start()
    return app
  }

  const alone = await start('unmapped')
  await until('all are adopted', async () => (await alone.deadLetters.list()).length === 3)
  const [group] = await alone.deadLetters.groups({ by: 'error' })
  assert.deepEqual([group?.letters, group?.errorName], [3, 'rejected'])
  const [summary] = await alone.deadLetters.list({ limit: 1 })
  const { letter } = await alone.deadLetters.show(summary?.id ?? '')
  assert.deepEqual(
    [letter.adoptedFrom, letter.record.source, letter.record.key],
    ['rabbitmq', `shop/${queue}`, 'order.paid'],
  )
  assert.match(letter.error.message, new RegExp(`it was rejected in queue ${queue}`))
  const { job = '' } = await alone.deadLetters.replay({ all: true }, { target: { kind: 'source' } })
  await until('all are sent back', async () => (await alone.deadLetters.job(job)).state === 'done')
  const back = await channel.get(queue)
  assert.ok(back)
  assert.deepEqual(
    [back.properties.headers?.['x-death'], back.properties.headers?.trace],
    [undefined, back.content.toString()],
  )
  channel.reject(back, false)
  await alone.stop()

  const app = await start('mapped')
  await until('the rejected one is a letter of the mapping that reads its queue', async () => {
    const [only] = await app.deadLetters.list()
    return only?.mapping === 'charge' && only.function === 'charge'
  })
  const again = await app.deadLetters.replay({ all: true })
  await until('it was run', async () => (await app.deadLetters.job(again.job ?? '')).state === 'done')
  await until('the others were run as well', () => ran.length === 3)
  assert.deepEqual(ran.toSorted(), ['1', '2', '3'])
})
