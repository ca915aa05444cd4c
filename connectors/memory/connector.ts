/** A broker in memory that stands in for any other in tests: the same contract, on whatever clock it is handed. */
import type { ChannelRef, Connection, Connector, Context, EventRecord, ReadOptions, Sink } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import { backlogOf, createGroup, type Group, openCompeting } from './competing.ts'
import { append, createChannel, type MemoryChannel } from './log.ts'
import { createStreamGroup, openStream, type StreamGroup, backlogOf as streamBacklogOf } from './stream.ts'

export interface MemoryConnector extends Connector {
  /** Records that a group which was opened still has to settle, those that are not yet due included. */
  backlog(): number
  /** What a topic or stream retains, or was ever sent to a queue, in the order of arrival in its partition. */
  records(address: string): readonly EventRecord[]
}

interface Broker {
  readonly channels: Map<string, MemoryChannel>
  readonly groups: Map<string, Group>
  readonly streams: Map<string, StreamGroup>
}

/** `kind` is that of the connector it stands in for. All its connections share what is in memory. */
export const memoryConnector = (kind: string): MemoryConnector => {
  const broker: Broker = { channels: new Map(), groups: new Map(), streams: new Map() }
  return {
    kind,
    connect: async (_name, _options, context) => connectionOn(broker, context),
    backlog: () =>
      [...broker.groups.values()].reduce((sum, group) => sum + backlogOf(group), 0) +
      [...broker.streams.values()].reduce((sum, group) => sum + streamBacklogOf(group), 0),
    records: address =>
      broker.channels.get(address)?.partitions.flatMap(({ records }) => records.map(stored => stored.record)) ?? [],
  }
}

const connectionOn = (broker: Broker, context: Context): Connection => {
  const channelOf = (ref: ChannelRef): MemoryChannel =>
    getOrMake(broker.channels, ref.address, () => createChannel(ref))
  return {
    async openSource(ref, read) {
      const channel = channelOf(ref)
      if (channel.behaviour !== 'stream') return openCompeting(context, channel, groupOf(broker, channel, read))
      const group = getOrMake(broker.streams, keyOf(channel, read), () => createStreamGroup(channel, read.start))
      return openStream(context, channel, group)
    },
    openSink: async ref => sinkOn(channelOf(ref), context),
    check: async () => [{ name: 'memory broker', ok: true, detail: 'in this process' }],
    async close() {},
  }
}

/** A queue has one group for all, and it begins at the first record. */
const groupOf = (broker: Broker, channel: MemoryChannel, read: ReadOptions): Group =>
  channel.behaviour === 'queue'
    ? getOrMake(broker.groups, channel.ref.address, () => createGroup(channel, 'earliest'))
    : getOrMake(broker.groups, keyOf(channel, read), () => createGroup(channel, read.start))

const keyOf = (channel: MemoryChannel, read: ReadOptions): string => JSON.stringify([channel.ref.address, read.group])

const getOrMake = <T>(map: Map<string, T>, key: string, make: () => T): T => {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}

const sinkOn = (channel: MemoryChannel, context: Context): Sink => ({
  async send(records) {
    return records.map(record => {
      if (channel.behaviour === 'stream' && (record.delayMs ?? 0) > 0) return cannotDelay(channel, record.delayMs)
      append(channel, record, context)
      return null
    })
  },
  async close() {},
})

const cannotDelay = ({ ref }: MemoryChannel, delayMs: number | undefined): MillraceError =>
  new MillraceError('SEND_INVALID', `${ref.address}: delayMs must be 0 on a stream, got ${delayMs}`)
