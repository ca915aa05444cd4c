/** A stream on the real server for one test: our sources on it, through a proxy, and an independent client beside them. */
import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { redisConnector } from '../../../connectors/redis/connector.ts'
import { fieldsOf } from '../../../connectors/redis/stream-group.ts'
import { type StreamKeys, streamKeys } from '../../../connectors/redis/stream-scripts.ts'
import { systemClock } from '../../../core/clock.ts'
import type { ChannelRef, Connection, ReadOptions, Source } from '../../../core/contract.ts'
import { type Log, silentLog } from '../../../core/log.ts'
import type { SourceHarness } from '../../../core/testing/contract/harness.ts'
import { type Child, startNode } from '../../support/child.ts'
import { type FaultProxy, openProxy } from '../../support/proxy.ts'
import { channelRef, READ } from './place.ts'

export interface OpenedStream extends SourceHarness {
  readonly channel: ChannelRef
  readonly keys: StreamKeys
  /** Independent of our code. */
  readonly raw: Redis
  readonly proxy: FaultProxy
  /** A connection of its own, as another process would have, closed with the test. */
  connect(log?: Log): Promise<Connection>
  openWith(options: ChannelRef['options'], log?: Log, read?: Partial<ReadOptions>): Promise<Source>
  /** A process that claims so many, says so, and holds them. */
  holder(claims: number): Child
  /** A process that notes each body in the list `done`, then accepts it; on SIGTERM it leaves. */
  worker(done: string): Child
}

/** Short, so that a reader that is gone is noticed within a test's patience. */
const LEASE_MS = 1_000

export const openTestStream = async (
  context: TestContext,
  url: string,
  options: ChannelRef['options'] = {},
): Promise<OpenedStream> => {
  const raw = new Redis(url)
  // Tests restart the server and break connections.
  raw.on('error', () => {})
  const proxy = await openProxy(context, { to: Number(new URL(url).port) })
  const name = `stream-${randomUUID()}`
  const own = { claimTimeout: LEASE_MS, field: 'body', ...options }
  const channel = channelRef('stream', name, own)
  const connections: Connection[] = []
  context.after(async () => {
    for (const connection of connections) await connection.close()
    raw.disconnect()
  })
  const connect = async (log = silentLog): Promise<Connection> => {
    const tools = { clock: systemClock, log, random: Math.random, stateDir: '/nowhere' }
    const connection = await redisConnector.connect('shop', { host: '127.0.0.1', port: proxy.port }, tools)
    connections.push(connection)
    return connection
  }
  const openWith: OpenedStream['openWith'] = async (changed, log, read = {}) =>
    (await connect(log)).openSource({ ...channel, options: { ...own, ...changed } }, { ...READ, ...read })
  const holder = (claims: number): Child =>
    startNode(context, [HOLDER, url, JSON.stringify(channel), READ.group, String(claims)])
  const worker = (done: string): Child => startNode(context, [READER, 'work', url, JSON.stringify(channel), done])
  return {
    channel,
    keys: streamKeys(name, READ.group),
    raw,
    proxy,
    connect,
    openWith,
    holder,
    worker,
    open: read => openWith({}, silentLog, read),
    async publish(bodies) {
      for (const body of bodies) await raw.xadd(name, '*', 'body', body)
    },
    async send(records) {
      const sink = await (await connect()).openSink(channel)
      for (const error of await sink.send(records)) if (error) throw error
    },
    async backlog() {
      const groups = (await raw.xinfo('GROUPS', name)) as readonly unknown[]
      const ours = groups.map(fieldsOf).find(group => group.name === READ.group)
      return Number(ours?.lag) + Number(ours?.pending)
    },
    async crash(claims) {
      const child = holder(claims)
      await child.line(/^holds/)
      child.kill('SIGKILL')
      await child.ended
    },
    cut: async () => proxy.reset(),
  }
}

const HOLDER = fileURLToPath(new URL('./stream-holder-main.ts', import.meta.url))
const READER = fileURLToPath(new URL('./reader-main.ts', import.meta.url))
