/** Redis, by ioredis: streams read by groups, lists read reliably, and what is published. */
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
import { adviseOn } from './advice.ts'
import { openClient, type RedisClient } from './connection.ts'
import { openRedisKeys } from './idempotency.ts'
import { openList } from './list.ts'
import type { RedisPlace } from './place.ts'
import { mustBeNewEnough, versionOf } from './server.ts'
import type { RedisOptions } from './settings.ts'
import { createSink } from './sink.ts'
import { openRedisSlots } from './slots.ts'
import { openStream } from './stream.ts'
import { openSubscription } from './subscription.ts'

export const redisConnector: Connector<RedisOptions> = {
  kind: 'redis',
  /** Reaches for no server that it waits for: that is done where something is opened. */
  connect: async (name, options, context) => connectionTo(name, options, context),
}

const CHECK_PATIENCE_MS = 5_000
const CONNECT_PATIENCE_MS = 10_000

const connectionTo = (name: string, options: RedisOptions, { clock, log, random }: Context): Connection => {
  const clients = new Set<RedisClient>()
  const open = (use: Parameters<RedisPlace['openClient']>[0]): RedisClient => {
    const client = openClient(name, options, use, { clock, log, random })
    const own: RedisClient = {
      ...client,
      close() {
        clients.delete(own)
        client.close()
      },
    }
    clients.add(own)
    return own
  }
  const commands = open('commands')
  const place: RedisPlace = { name, clock, log, random, commands, openClient: open }
  const opened = new Set<Source | Sink>()
  let advised: Promise<void> | undefined
  let closing: Promise<void> | undefined
  const mustBeOpen = (): void => {
    if (closing) throw new MillraceError('APP_STATE', `the connection ${name} is closed; nothing can be opened on it`)
  }
  const close = async (): Promise<void> => {
    await Promise.all([...opened].map(each => each.close()))
    for (const client of [...clients]) client.close()
  }
  return {
    async openSource(channel, read) {
      mustBeOpen()
      await commands.ready(CONNECT_PATIENCE_MS)
      mustBeNewEnough(name, await versionOf(name, commands))
      advised ??= adviseOn(name, commands, log)
      await advised
      const source = await openAs(place, channel, read)
      opened.add(source)
      return { ...source, close: () => source.close().then(() => void opened.delete(source)) }
    },
    async openSink(channel) {
      mustBeOpen()
      const sink = createSink(place, channel)
      opened.add(sink)
      return sink
    },
    openKeys: async () => {
      mustBeOpen()
      return openRedisKeys(name, commands, log)
    },
    openSlots: async () => {
      mustBeOpen()
      return openRedisSlots(name, commands, log)
    },
    check: async () => [await check(name, commands)],
    close() {
      closing ??= close()
      return closing
    },
  }
}

const openAs = (place: RedisPlace, channel: ChannelRef, read: ReadOptions): Promise<Source> => {
  if (channel.type === 'list') return openList(place, channel)
  if (channel.type === 'subscription') return openSubscription(place, channel)
  return openStream(place, channel, read)
}

const check = async (name: string, commands: RedisClient): Promise<Check> => {
  try {
    await commands.ready(CHECK_PATIENCE_MS)
    const version = await versionOf(name, commands)
    mustBeNewEnough(name, version)
    return { name, ok: true, detail: version ? `connected to ${version.title}` : 'connected' }
  } catch (error) {
    return { name, ok: false, detail: errorInfo(error).message }
  }
}
