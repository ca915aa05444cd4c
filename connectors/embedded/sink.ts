/** Writes records to a channel: all that one turn of the event loop sends is one transaction with one sync to disk. */
import type { OutgoingRecord, Sink } from '../../core/contract.ts'
import { MillraceError, wrapError } from '../../core/errors.ts'
import type { Place } from './place.ts'
import { boundValues } from './record.ts'
import { type Channel, PARTITION_SPAN } from './tables.ts'

export const openSink = (place: Place, channel: Channel): Sink => {
  let turn = Math.floor(place.random() * channel.partitions)
  const nextTurn = (): number => {
    turn = (turn + 1) % channel.partitions
    return turn
  }
  return {
    async send(records) {
      const problems = records.map(record => problemOf(channel, record))
      const placed = records.flatMap((record, index) =>
        problems[index] ? [] : [{ record, partition: choosePartition(channel, record, nextTurn) }],
      )
      if (placed.length === 0) return problems
      try {
        await place.database.write(() => append(place, channel, placed))
      } catch (thrown) {
        const error = wrapError('SEND_FAILED', `${channel.address}: records were not stored`, thrown)
        return problems.map(problem => problem ?? error)
      }
      place.wakes.wake(channel.number)
      return problems
    },
    async close() {},
  }
}

interface Placed {
  readonly record: OutgoingRecord
  readonly partition: number
}

const append = (place: Place, channel: Channel, placed: readonly Placed[]): void => {
  const nowMs = place.clock.now()
  for (const [partition, records] of Map.groupBy(placed, each => each.partition)) {
    const bytes = records.reduce((sum, each) => sum + (each.record.body?.length ?? 0), 0)
    const { next } = place.database
      .sql(
        'UPDATE embedded_logs SET next = next + ?, bytes = bytes + ? WHERE channel = ? AND partition = ? RETURNING next',
      )
      .get(records.length, bytes, channel.number, partition) as { next: number }
    const first = partition * PARTITION_SPAN + next - records.length
    for (const [index, { record }] of records.entries()) insert(place, channel, first + index, record, nowMs)
  }
}

const insert = (place: Place, channel: Channel, id: number, record: OutgoingRecord, nowMs: number): void => {
  const due = record.delayMs && record.delayMs > 0 ? Math.round(nowMs + record.delayMs) : null
  place.database
    .sql(
      `INSERT INTO ${channel.records} (id, at, due, time, record_id, key, headers, properties, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(id, nowMs, due, ...boundValues(record))
  if (due !== null)
    place.database
      .sql(
        `INSERT INTO embedded_waiting (reader, due, id, attempts, prior, seen)
         SELECT number, ?, ?, 0, 0, 0 FROM embedded_readers WHERE channel = ?`,
      )
      .run(due, id, channel.number)
}

/** The same key goes to the same partition for ever; a record that had one keeps it; without a key they take turns. */
const choosePartition = (channel: Channel, record: OutgoingRecord, nextTurn: () => number): number => {
  if (channel.partitions === 1) return 0
  const kept = record.position?.partition
  if (typeof kept === 'number' && Number.isInteger(kept) && kept >= 0 && kept < channel.partitions) return kept
  if (record.key === undefined || record.key === null) return nextTurn()
  return hashOf(typeof record.key === 'string' ? Buffer.from(record.key) : record.key) % channel.partitions
}

/** FNV-1a, 32 bits, finished as murmur3 does: FNV alone leaves its low bits, which choose the partition, uneven. */
const hashOf = (bytes: Uint8Array): number => {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** SQLite stores text as UTF-8, which a lone half of a surrogate pair would not survive. */
const problemOf = (channel: Channel, record: OutgoingRecord): MillraceError | null => {
  if (typeof record.key === 'string' && !record.key.isWellFormed())
    return refused(channel, 'key must be well-formed text, got a lone surrogate; send the key as bytes')
  if (record.id !== undefined && !record.id.isWellFormed())
    return refused(channel, 'id must be well-formed text, got a lone surrogate')
  if (channel.type === 'stream' && (record.delayMs ?? 0) > 0)
    return refused(channel, `delayMs must be 0 on a stream, got ${record.delayMs}; send it to a queue or topic`)
  return null
}

const refused = (channel: Channel, what: string): MillraceError =>
  new MillraceError('SEND_INVALID', `${channel.address}: ${what}`)
