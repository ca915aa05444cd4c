/** The opened servers of an app: each connection is opened once, when it is first needed, and shared. */
import type { AnyChannel, ConnectionValue, Door } from './config/channel.ts'
import { resolveSecrets, type SecretPlaces } from './config/secret.ts'
import type { ChannelRef, Connection, Connector, Context, ReadOptions, Sink, Source } from './contract.ts'
import { MillraceError } from './errors.ts'
import type { IdempotencyStore } from './idempotency-store.ts'
import type { DoorTools, OpenDoor } from './request-contract.ts'
import type { SlotStore } from './slots.ts'

export interface Connections {
  openSource(channel: AnyChannel, read: ReadOptions): Promise<Source>
  openDoor(door: Door, tools: DoorTools): Promise<OpenDoor>
  /** One sink for each channel, however many send to it. */
  sink(channel: AnyChannel): Promise<Sink>
  /** A store of idempotency keys; undefined where the connection is nothing for them. */
  keys(connection: ConnectionValue): Promise<IdempotencyStore | undefined>
  /** A store of slots; undefined where the connection is nothing for them. */
  slots(connection: ConnectionValue): Promise<SlotStore | undefined>
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
      return connector.connect(value.name, options, {
        ...context,
        ...(places.folder === undefined ? {} : { folder: places.folder }),
        log: context.log.with({ connection: value.name }),
      })
    })

  /** Secrets stand in the options of channels as well, where what comes over them is signed. */
  const revealed = <Ref extends ChannelRef>(channel: Ref): Ref => ({
    ...channel,
    options: resolveSecrets(channel.options, `channels.${channel.address}`, places),
  })

  return {
    openSource: async (channel, read) => (await connect(channel.connection)).openSource(revealed(channel), read),
    async openDoor(door, tools) {
      const connection = await connect(door.connection)
      if (connection.openDoor) return connection.openDoor(revealed(door), tools)
      throw new MillraceError('CONFIG_INVALID', `doors: ${door.connection.kind} has no doors (${door.address})`, {
        fatal: true,
      })
    },
    sink: channel => once(sinks, channel.address, async () => (await connect(channel.connection)).openSink(channel)),
    keys: async connection => (await connect(connection)).openKeys?.(),
    slots: async connection => (await connect(connection)).openSlots?.(),
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
