/** A queue on the real broker for one test: our sources on it, through a proxy, and an independent client beside them. */
import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import { type ChannelModel, type ConfirmChannel, connect, type Options } from 'amqplib'
import { rabbitConnector } from '../../../connectors/rabbitmq/connector.ts'
import type { RabbitOptions } from '../../../connectors/rabbitmq/settings.ts'
import { systemClock } from '../../../core/clock.ts'
import type { ChannelRef, Connection, Context, ReadOptions, Source } from '../../../core/contract.ts'
import { type Log, silentLog } from '../../../core/log.ts'
import { type FaultProxy, openProxy } from '../../support/proxy.ts'
import { until } from '../../support/until.ts'

export interface OpenedQueue {
  readonly queue: string
  readonly channel: ChannelRef
  /** Everything of ours goes through it, nothing of the independent client's. */
  readonly proxy: FaultProxy
  /** Through the proxy. */
  readonly url: string
  /** A connection of its own, as another process would have, closed with the test. */
  connect(options?: Partial<RabbitOptions>, log?: Log): Promise<Connection>
  open(read?: Partial<ReadOptions>, options?: Partial<RabbitOptions>): Promise<Source>
  /** By the independent client, confirmed; the queue must be there. */
  publish(bodies: readonly (string | Uint8Array)[], options?: Options.Publish): Promise<void>
  /** What the independent client does on a channel of its own, on a connection of its own. */
  independently<Value>(act: (channel: ConfirmChannel) => Promise<Value>): Promise<Value>
}

export const contextWith = (log: Log): Context => ({
  clock: systemClock,
  log,
  random: Math.random,
  stateDir: '/nowhere',
})

export const READ: ReadOptions = { group: 'contract', start: 'earliest', maxInFlight: 1_000 }

/** `options` are those of the channel; `make` is how the independent client makes the queue. */
export const openQueue = async (
  context: TestContext,
  brokerUrl: string,
  options: Readonly<Record<string, unknown>> = {},
  make: Options.AssertQueue | 'not made' = queueArguments(options),
): Promise<OpenedQueue> => {
  const queue = `q-${randomUUID()}`
  const channel = { type: 'queue', name: queue, address: `rabbit/${queue}`, options }
  const proxy = await openProxy(context, { to: Number(new URL(brokerUrl).port) })
  const url = brokerUrl.replace(/:\d+$/, `:${proxy.port}`)
  const connections: Connection[] = []
  context.after(async () => {
    for (const connection of connections) await connection.close()
  })
  const independently: OpenedQueue['independently'] = act => onOwnChannel(brokerUrl, act)
  if (make !== 'not made') await independently(owned => owned.assertQueue(queue, make))
  const connectThrough: OpenedQueue['connect'] = async (more = {}, log = silentLog) => {
    const connection = await rabbitConnector.connect('rabbit', { url, ...more }, contextWith(log))
    connections.push(connection)
    return connection
  }
  return {
    queue,
    channel,
    proxy,
    url,
    connect: connectThrough,
    open: async (read = {}, more = {}) => (await connectThrough(more)).openSource(channel, { ...READ, ...read }),
    publish: (bodies, properties = {}) =>
      independently(async owned => {
        for (const body of bodies) owned.sendToQueue(queue, Buffer.from(body), { persistent: true, ...properties })
        await owned.waitForConfirms()
      }),
    independently,
  }
}

const queueArguments = ({ type = 'quorum' }: Readonly<Record<string, unknown>>): Options.AssertQueue => ({
  durable: true,
  arguments: { 'x-queue-type': type },
})

const onOwnChannel = async <Value>(url: string, act: (channel: ConfirmChannel) => Promise<Value>): Promise<Value> => {
  const connection = await connect(url)
  connection.on('error', () => {})
  try {
    const channel = await connection.createConfirmChannel()
    channel.on('error', () => {})
    const value = await act(channel)
    await channel.close()
    return value
  } finally {
    await connection.close().catch(() => {})
  }
}

/** A reader that claims so many records and dies without a word: its socket is cut. */
export const crashWith = async (opened: OpenedQueue, url: string, claims: number): Promise<void> => {
  const connection = await connect(url)
  connection.on('error', () => {})
  const channel = await connection.createChannel()
  channel.on('error', () => {})
  await channel.prefetch(claims)
  let claimed = 0
  await channel.consume(opened.queue, () => {
    claimed += 1
  })
  await until(`${claims} records are claimed`, () => claimed === claims)
  cutSocket(connection)
  await until('the broker has taken them back', () =>
    opened.independently(async owned => (await owned.checkQueue(opened.queue)).messageCount >= claims),
  )
}

const cutSocket = (connection: ChannelModel): void => {
  const { stream } = connection.connection as unknown as { readonly stream: { destroy(error: Error): void } }
  // Without an error amqplib would not notice, and go on with its heartbeats.
  stream.destroy(new Error('killed'))
}
