import { type ConfirmChannel, connect } from 'amqplib'
import { freePort } from '../../support/brokers/ports.ts'
import { startRabbit } from '../../support/brokers/rabbitmq.ts'
import { openProxy } from '../../support/proxy.ts'
import type { Arena, OpenArena } from '../arena.ts'

const QUEUE = 'jobs'

/** A quorum queue, and the delay queues the members make of it. The plain client connects anew each time. */
export const openRabbit: OpenArena = async (scope, random) => {
  const port = await freePort()
  const proxy = await openProxy(scope, { to: port, random })
  const broker = await startRabbit(scope, { port })
  const onChannel = async <Value>(act: (channel: ConfirmChannel) => Promise<Value>): Promise<Value> => {
    const connection = await connect(broker.url)
    connection.on('error', () => {})
    try {
      return await act(await connection.createConfirmChannel())
    } finally {
      await connection.close()
    }
  }
  const publish: Arena['publish'] = jobs =>
    onChannel(async channel => {
      await channel.assertQueue(QUEUE, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
      for (const { key, body } of jobs)
        channel.sendToQueue(QUEUE, Buffer.from(body), { persistent: true, headers: { customer: key } })
      await channel.waitForConfirms()
    })
  await publish([])
  return {
    broker,
    proxy,
    env: { CHAOS_URL: broker.url.replace(/:\d+$/, `:${proxy.port}`) },
    publish,
    async backlog() {
      const queues = await broker.ctl('-q', 'list_queues', 'messages', '--no-table-headers')
      const counted = queues.split('\n').reduce((sum, line) => sum + Number(line), 0)
      // Of a quorum queue that was restarted the count is an old one for some seconds; what is ready is always true.
      const ready = await onChannel(async channel => (await channel.checkQueue(QUEUE)).messageCount)
      return Math.max(counted, ready)
    },
  }
}
