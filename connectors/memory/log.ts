/** A channel in memory: its records in order, and the groups that read it. */
import type { ChannelRef, Context, EventRecord, OutgoingRecord } from '../../core/contract.ts'

/** How a channel behaves; a type that is none of these behaves as a queue. */
export type Behaviour = 'queue' | 'topic' | 'stream'

export interface Stored {
  readonly partition: number
  /** Its place in its partition. */
  readonly offset: number
  /** Milliseconds since the epoch at which it arrived, and before which it is not to be delivered. */
  readonly at: number
  readonly due: number
  readonly record: EventRecord
}

export interface Partition {
  /** The offset of the first of `records`. */
  first: number
  readonly records: Stored[]
}

export interface MemoryChannel {
  readonly ref: ChannelRef
  readonly behaviour: Behaviour
  readonly partitions: readonly Partition[]
  readonly retention: { readonly ageMs: number; readonly bytes: number }
  bytes: number
  /** For records without a key, which take turns. */
  turn: number
  /** Told of every record that arrives, and of every other change that may let a waiting poll go on. */
  readonly listeners: Set<(arrived: Stored | undefined) => void>
}

const DEFAULT_PARTITIONS = 8
const DEFAULT_RETENTION_MS = 7 * 24 * 60 * 60 * 1_000
const DEFAULT_RETENTION_BYTES = 1_000_000_000

export const createChannel = (ref: ChannelRef): MemoryChannel => {
  const behaviour: Behaviour = ref.type === 'topic' || ref.type === 'stream' ? ref.type : 'queue'
  const count = behaviour === 'stream' ? Number(ref.options.partitions ?? DEFAULT_PARTITIONS) : 1
  return {
    ref,
    behaviour,
    partitions: Array.from({ length: count }, () => ({ first: 0, records: [] })),
    retention: {
      ageMs: Number(ref.options.retention ?? DEFAULT_RETENTION_MS),
      bytes: Number(ref.options.retentionBytes ?? DEFAULT_RETENTION_BYTES),
    },
    bytes: 0,
    turn: 0,
    listeners: new Set(),
  }
}

export const tell = (channel: MemoryChannel, arrived?: Stored): void => {
  for (const listen of [...channel.listeners]) listen(arrived)
}

/** The offset after the last record. */
export const endOf = (partition: Partition): number => partition.first + partition.records.length

export const append = (channel: MemoryChannel, outgoing: OutgoingRecord, context: Context): void => {
  const at = context.clock.now()
  const index = choosePartition(channel, outgoing)
  const partition = channel.partitions[index]
  if (!partition) return
  const offset = endOf(partition)
  const due = at + Math.max(0, outgoing.delayMs ?? 0)
  const stored = { partition: index, offset, at, due, record: recordOf(channel, outgoing, index, offset, at) }
  partition.records.push(stored)
  channel.bytes += stored.record.body?.length ?? 0
  tell(channel, stored)
  if (channel.behaviour !== 'queue') trim(channel, at)
}

/** Bytes are copied: whoever sent them may use the memory again. */
const recordOf = (
  { ref, behaviour }: MemoryChannel,
  outgoing: OutgoingRecord,
  partition: number,
  offset: number,
  at: number,
): EventRecord => ({
  id: outgoing.id ?? (behaviour === 'stream' ? `${partition}-${offset}` : `${offset}`),
  idStrength: 'stable',
  source: ref.address,
  time: outgoing.time ?? at,
  key: outgoing.key instanceof Uint8Array ? outgoing.key.slice() : (outgoing.key ?? null),
  headers: outgoing.headers ?? [],
  ...(outgoing.properties ? { properties: outgoing.properties } : {}),
  body: outgoing.body === null ? null : new Uint8Array(outgoing.body),
  position: behaviour === 'stream' ? { stream: ref.name, partition, offset } : { [behaviour]: ref.name, offset },
})

const choosePartition = (channel: MemoryChannel, { key, position }: OutgoingRecord): number => {
  const count = channel.partitions.length
  const kept = position?.partition
  if (typeof kept === 'number' && channel.partitions[kept]) return kept
  if (key === undefined || key === null) {
    channel.turn = (channel.turn + 1) % count
    return channel.turn
  }
  let hash = 7
  for (const byte of typeof key === 'string' ? Buffer.from(key) : key) hash = (Math.imul(hash, 31) + byte) >>> 0
  return (hash ^ (hash >>> 15)) % count
}

/** Groups of a topic hold what they still have to get themselves, so only streams can lose something by this. */
const trim = (channel: MemoryChannel, nowMs: number): void => {
  for (const partition of channel.partitions) {
    for (;;) {
      const oldest = partition.records[0]
      const tooOld = oldest !== undefined && oldest.at < nowMs - channel.retention.ageMs
      if (!oldest || (!tooOld && channel.bytes <= channel.retention.bytes)) break
      partition.records.shift()
      partition.first += 1
      channel.bytes -= oldest.record.body?.length ?? 0
    }
  }
}

/** Where a group begins that was never seen before. */
export const startOffset = (partition: Partition, start: 'earliest' | 'latest' | number): number => {
  if (start === 'earliest') return partition.first
  if (start === 'latest') return endOf(partition)
  return partition.records.find(stored => stored.record.time >= start)?.offset ?? endOf(partition)
}
