/** RabbitMQ, by amqplib: a queue is a lane for which its readers compete; an exchange is read by a queue of the group's. */
import { randomUUID } from 'node:crypto'
import type {
  ChannelRef,
  Check,
  Connection,
  Connector,
  Context,
  ReadOptions,
  Sink,
  Source,
} from '../../core/contract.ts'
import { errorInfo, MillraceError } from '../../core/errors.ts'
import { createLink, type Link } from './connection.ts'
import { createDelays, type Delays } from './delays.ts'
import { queuePlan } from './plan.ts'
import { createPublisher } from './publisher.ts'
import { channelSettings, connectionSettings, type RabbitOptions } from './settings.ts'
import { createExchangeSink, createQueueSink } from './sink.ts'
import { openSource } from './source.ts'
import { declareQueue } from './topology.ts'

export const rabbitConnector: Connector<RabbitOptions> = {
  kind: 'rabbitmq',
  /** Reaches for no broker yet: that is waited for where something is opened. */
  connect: async (name, options, context) => connectionTo(name, options, context),
}

interface Parts {
  readonly context: Context
  /** A broker that is short of memory or disk reads nothing from connections that publish: two, so that readers go on. */
  readonly reading: Link
  readonly writing: Link
  readonly sendTimeoutMs: number
  /** By queue. */
  readonly delays: Map<string, Delays>
}

const connectionTo = (name: string, options: RabbitOptions, context: Context): Connection => {
  const { endpoints, sendTimeoutMs } = connectionSettings(name, options)
  const link = (what: string): Link => createLink({ ...context, name: `${name} (${what})`, endpoints })
  const parts: Parts = { context, reading: link('reading'), writing: link('writing'), sendTimeoutMs, delays: new Map() }
  const opened = new Set<Source | Sink>()
  let closing: Promise<void> | undefined
  const mustBeOpen = (): void => {
    if (closing) throw new MillraceError('APP_STATE', `the connection ${name} is closed; nothing can be opened on it`)
  }
  const close = async (): Promise<void> => {
    await Promise.all([...opened].map(each => each.close()))
    await Promise.all([...parts.delays.values()].map(delays => delays.close()))
    // Closing a connection overtakes what its channels still have to write: they are closed by now.
    await Promise.all([parts.reading.close(), parts.writing.close()])
  }
  return {
    async openSource(channel, read) {
      mustBeOpen()
      const source: Source = await openSource({
        ...sourceTools(parts, channel, read),
        onClosed: () => void opened.delete(source),
      })
      opened.add(source)
      return source
    },
    async openSink(channel) {
      mustBeOpen()
      const tools = { ...context, link: parts.writing, sendTimeoutMs, newId: randomUUID }
      const sink =
        channel.type === 'queue'
          ? createQueueSink(channel, delaysOf(parts, channel.name), tools)
          : createExchangeSink(channel, tools)
      opened.add(sink)
      return sink
    },
    check: async () => [await check(name, parts)],
    close() {
      closing ??= close()
      return closing
    },
  }
}

const delaysOf = ({ context, writing, sendTimeoutMs, delays }: Parts, queue: string): Delays => {
  const known = delays.get(queue) ?? createDelays(queue, { clock: context.clock, link: writing, sendTimeoutMs })
  delays.set(queue, known)
  return known
}

/** RabbitMQ's default for `consumer_timeout`, which no client is told. */
const ACK_TIMEOUT_MS = 1_800_000

const sourceTools = (parts: Parts, channel: ChannelRef, { group, maxInFlight }: ReadOptions) => {
  const { context, reading, writing, sendTimeoutMs } = parts
  const { queue, messageId, declare } = queuePlan(channel, group, { product: '', version: '' })
  const { address } = channel
  const said = channel.type === 'queue' ? channelSettings('queue', channel) : undefined
  const argument = (name: string): number | undefined => {
    const value = declare?.arguments[name] ?? said?.arguments[name]
    return typeof value === 'number' && value >= 0 ? value : undefined
  }
  return {
    ...context,
    link: reading,
    place: { queue, address, messageId },
    group,
    maxInFlight,
    ackTimeoutMs: argument('x-consumer-timeout') ?? ACK_TIMEOUT_MS,
    deliveryLimit: argument('x-delivery-limit') ?? said?.deliveryLimit ?? ('unknown' as const),
    prepare: (opened: Awaited<ReturnType<Link['opened']>>) =>
      declareQueue(opened, queuePlan(channel, group, opened.server), 'SOURCE_FAILED'),
    publisher: createPublisher({
      clock: context.clock,
      link: writing,
      where: `giving back to ${address}`,
      sendTimeoutMs,
      prepare: async () => {},
    }),
    delays: delaysOf(parts, queue),
  }
}

const CHECK_PATIENCE_MS = 5_000

const check = async (name: string, { reading, writing }: Parts): Promise<Check> => {
  try {
    const { server } = await reading.opened(CHECK_PATIENCE_MS)
    const blocked = (await writing.opened(CHECK_PATIENCE_MS)).blocked()
    const broker = `${server.product} ${server.version}`
    return blocked === undefined
      ? { name, ok: true, detail: `connected to ${broker}` }
      : { name, ok: false, detail: `${broker} takes nothing to publish at this moment: ${blocked}` }
  } catch (error) {
    return { name, ok: false, detail: errorInfo(error).message }
  }
}
