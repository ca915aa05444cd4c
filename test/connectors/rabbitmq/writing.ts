/** What is written, on the real broker for one test: links and sinks of ours, and an independent client that looks. */
import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import { type ChannelModel, type ConsumeMessage, connect, type Options } from 'amqplib'
import { rabbitmq } from '../../../connectors/rabbitmq/channel.ts'
import { createLink, type Link } from '../../../connectors/rabbitmq/connection.ts'
import { createDelays, type Delays } from '../../../connectors/rabbitmq/delays.ts'
import { connectionSettings, type RabbitOptions } from '../../../connectors/rabbitmq/settings.ts'
import { createExchangeSink, createQueueSink } from '../../../connectors/rabbitmq/sink.ts'
import { systemClock } from '../../../core/clock.ts'
import type { ChannelRef, Sink } from '../../../core/contract.ts'
import { silentLog } from '../../../core/log.ts'
import { until } from '../../support/until.ts'

/** What channels are made of; the connection of its channels is opened by {@link writer}. */
export const declared = rabbitmq('rabbit', { url: 'amqp://nowhere' })

export const freshName = (): string => `q-${randomUUID()}`

export interface Writer {
  readonly link: Link
  sink(channel: ChannelRef): Sink
  delays(queue: string): Delays
}

/** Closed with the test. */
export const writer = (context: TestContext, url: string, options: Partial<RabbitOptions> = {}): Writer => {
  const { endpoints, sendTimeoutMs } = connectionSettings('rabbit', { url, ...options })
  const link = createLink({ clock: systemClock, log: silentLog, name: 'rabbit', endpoints })
  const tools = { clock: systemClock, link, sendTimeoutMs, newId: randomUUID }
  context.after(() => link.close())
  const delays = (queue: string): Delays => createDelays(queue, tools)
  return {
    link,
    delays,
    sink: channel =>
      channel.type === 'queue'
        ? createQueueSink(channel, delays(channel.name), tools)
        : createExchangeSink(channel, tools),
  }
}

/** A connection of amqplib itself, closed with the test unless it is gone before. */
export const independent = async (
  context: TestContext,
  url: string,
  socket: Options.Connect = {},
): Promise<ChannelModel> => {
  const model = await connect(url, socket)
  let open = true
  model.on('error', () => {})
  model.on('close', () => {
    open = false
  })
  context.after(async () => {
    if (open) await model.close()
  })
  return model
}

/** So many messages of a queue, acknowledged. */
export const taken = async (model: ChannelModel, queue: string, count: number): Promise<readonly ConsumeMessage[]> => {
  const channel = await model.createChannel()
  const messages: ConsumeMessage[] = []
  await channel.consume(queue, message => {
    if (message === null) return
    messages.push(message)
    channel.ack(message)
  })
  await until(`${count} messages of ${queue} have come`, () => messages.length >= count)
  await channel.close()
  return messages
}
