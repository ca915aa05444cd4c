import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as netConnect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type Channel, type ChannelModel, connect } from 'amqplib'
import { openProxy } from '../proxy.ts'
import { until } from '../until.ts'
import { sharedBroker } from './shared.ts'

const rabbitmq = sharedBroker('rabbitmq')

/** A connection that is closed with the test, unless the test has lost it before. */
const connected = async (context: TestContext, url: string): Promise<ChannelModel> => {
  const connection = await connect(url)
  let open = true
  // Without a listener a lost connection would end the process.
  connection.on('error', () => {})
  connection.on('close', () => {
    open = false
  })
  context.after(async () => {
    if (open) await connection.close()
  })
  return connection
}

const publish = async (connection: ChannelModel, queue: string, texts: readonly string[]): Promise<void> => {
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue(queue, { durable: true })
  for (const text of texts) channel.sendToQueue(queue, Buffer.from(text), { persistent: true })
  await channel.waitForConfirms()
  await channel.close()
}

/** Takes `count` messages; acknowledges none. */
const take = async (channel: Channel, queue: string, count: number) => {
  const taken: { readonly text: string; readonly redelivered: boolean; readonly ack: () => void }[] = []
  await channel.prefetch(count)
  await channel.consume(queue, message => {
    if (message === null) return
    const { redelivered } = message.fields
    taken.push({ text: message.content.toString(), redelivered, ack: () => channel.ack(message) })
  })
  await until(`${count} messages have come`, () => taken.length === count)
  return taken
}

const through = (url: string, port: number): string => {
  const changed = new URL(url)
  changed.host = `127.0.0.1:${port}`
  return changed.href
}

test('amqplib publishes with confirms, consumes and acknowledges; a reset gives back what was not acknowledged', {
  skip: rabbitmq.missing,
}, async context => {
  const { url } = await rabbitmq.address()
  const proxy = await openProxy(context, { to: Number(new URL(url).port) })
  const queue = `reset-${process.pid}`
  const lost = await connected(context, through(url, proxy.port))
  await publish(lost, queue, ['one', 'two', 'three'])
  const [first] = await take(await lost.createChannel(), queue, 3)
  first?.ack()
  const control = await (await connected(context, url)).createChannel()
  // An acknowledgement is answered by nothing: a request after it on the same connection is.
  await (await lost.createChannel()).checkQueue(queue)

  const closed = new Promise(resolve => lost.once('close', resolve))
  proxy.reset()
  await closed
  await until('both others are back', async () => (await control.checkQueue(queue)).messageCount === 2)

  const next = await connected(context, through(url, proxy.port))
  const again = await take(await next.createChannel(), queue, 2)
  assert.deepEqual(
    again.map(({ text, redelivered }) => [text, redelivered]),
    [
      ['two', true],
      ['three', true],
    ],
  )
  for (const { ack } of again) ack()
  // The proxy, which was opened before it, is closed before it as well.
  await next.close()
  await control.deleteQueue(queue)
})

test('confirmed messages in a durable queue outlive a SIGKILL of the broker', {
  skip: rabbitmq.missingOwn,
}, async context => {
  const broker = await rabbitmq.own()
  // The messages are what is confirmed. That a queue was declared is in RabbitMQ 3.10's table log a moment later only,
  // and a kill in that moment forgets it: a clean restart has it on disk.
  await (await (await connected(context, broker.url)).createChannel()).assertQueue('durable', { durable: true })
  await broker.restart('clean')
  await publish(await connected(context, broker.url), 'durable', ['one', 'two'])
  await broker.restart('SIGKILL')
  const taken = await take(await (await connected(context, broker.url)).createChannel(), 'durable', 2)
  assert.deepEqual(
    taken.map(({ text }) => text),
    ['one', 'two'],
  )
})

test('a paused broker answers nothing, and goes on when it is continued', {
  skip: rabbitmq.missingOwn,
}, async context => {
  const broker = await rabbitmq.own()
  const channel = await (await connected(context, broker.url)).createChannel()
  broker.pause()
  let answered = false
  const answer = channel.assertQueue('paused').then(() => {
    answered = true
  })
  const { port } = new URL(broker.url)
  const another = netConnect(Number(port), '127.0.0.1')
  await once(another, 'connect')
  assert.equal(answered, false, 'the kernel takes connections for it, but it says nothing')
  another.destroy()
  broker.continue()
  await answer
})
