/** The opened servers of an app: each connection is opened once, when it is first needed, and shared. */
import type { Channel, ConnectionValue } from './config/channel.ts'
import { resolveSecrets, type SecretPlaces } from './config/secret.ts'
import type { Connection, Connector, Context, ReadOptions, Sink, Source } from './contract.ts'
import type { IdempotencyStore } from './idempotency-store.ts'

export interface Connections {
  openSource(channel: Channel, read: ReadOptions): Promise<Source>
  /** One sink for each channel, however many send to it. */
  sink(channel: Channel): Promise<Sink>
  /** A store of idempotency keys; undefined where the connection is nothing for them. */
  keys(connection: ConnectionValue): Promise<IdempotencyStore | undefined>
  close(): Promise<void>
}

/** Loads the client of a technology, when the first of its connections is opened. */
export type LoadConnector = (kind: string) => Promise<Connector>

export const createConnections = (load: LoadConnector, context: Context, places: SecretPlaces): Connections => {
  const connections = new Map<string, Promise<Connection>>()
  const sinks = new Map<string, Promise<Sink>>()

  const connect = (value: ConnectionValue): Promise<Connection> =>
    once(connections, value.name, async () => {
      const connector = await load(value.kind)
      const options = resolveSecrets(value.options, `connections.${value.name}`, places)
      return connector.connect(value.name, options, { ...context, log: context.log.with({ connection: value.name }) })
    })

  return {
    openSource: async (channel, read) => (await connect(channel.connection)).openSource(channel, read),
    sink: channel => once(sinks, channel.address, async () => (await connect(channel.connection)).openSink(channel)),
    keys: async connection => (await connect(connection)).openKeys?.(),
    async close() {
      await Promise.all([...sinks.values()].map(async sink => (await sink).close()))
      await Promise.all([...connections.values()].map(async connection => (await connection).close()))
      sinks.clear()
      connections.clear()
    },
  }
}

/** What failed to open is tried again by the next who asks. */
const once = <Value>(opened: Map<string, Promise<Value>>, name: string, open: () => Promise<Value>): Promise<Value> => {
  const known = opened.get(name)
  if (known) return known
  const opening = open()
  opened.set(name, opening)
  opening.catch(() => opened.delete(name))
  return opening
}
