/** Where a group begins that was never seen before. */
import type { StartPosition } from '../../core/contract.ts'
import type { Database } from '../../core/database.ts'
import { addReader, type Channel, LANE_COLUMNS, PARTITION_SPAN, QUEUE_READER } from './tables.ts'

/**
 * Finds the reader of a group, or makes it at its start among what is retained; resolves once that is durable, so that
 * a group which begins at the latest record misses nothing that is sent afterwards. A queue has one reader for all.
 */
export const openReader = async (
  database: Database,
  channel: Channel,
  group: string,
  start: StartPosition,
): Promise<number> => {
  const name = channel.type === 'queue' ? QUEUE_READER : group
  const find = (): number | undefined => findReader(database, channel, name)
  return database.read(find) ?? database.write(() => find() ?? makeReader(database, channel, name, start))
}

const findReader = (database: Database, channel: Channel, name: string): number | undefined =>
  (
    database.sql('SELECT number FROM embedded_readers WHERE channel = ? AND name = ?').get(channel.number, name) as
      | { number: number }
      | undefined
  )?.number

const makeReader = (database: Database, channel: Channel, name: string, start: StartPosition): number => {
  if (channel.type !== 'stream') {
    const cursor = startOffset(database, channel, 0, start)
    const reader = addReader(database, channel.number, name, cursor)
    const delayed = `INSERT INTO embedded_waiting (reader, due, id, attempts, prior, seen)
      SELECT ?, due, id, 0, 0, 0 FROM ${channel.records} WHERE due IS NOT NULL AND id >= ?`
    database.sql(delayed).run(reader, cursor)
    return reader
  }
  const reader = addReader(database, channel.number, name, 0)
  const lane = database.sql(`INSERT INTO embedded_lanes (${LANE_COLUMNS}) VALUES (?, ?, NULL, 0, ?, ?, '', '', 0, 0)`)
  for (let partition = 0; partition < channel.partitions; partition += 1) {
    const offset = startOffset(database, channel, partition, start)
    lane.run(reader, partition, offset, offset)
  }
  return reader
}

const startOffset = (database: Database, channel: Channel, partition: number, start: StartPosition): number => {
  const end = nextOffset(database, channel, partition)
  if (start === 'latest') return end
  const earliest = Math.min(firstOffset(database, channel, partition) ?? end, end)
  return start === 'earliest' ? earliest : offsetAt(database, channel, partition, earliest, end, start)
}

export const nextOffset = (database: Database, channel: Channel, partition: number): number =>
  (
    database
      .sql('SELECT next FROM embedded_logs WHERE channel = ? AND partition = ?')
      .get(channel.number, partition) as { next: number }
  ).next

/** The earliest offset that is retained; undefined when nothing is. */
export const firstOffset = (database: Database, channel: Channel, partition: number): number | undefined => {
  const from = partition * PARTITION_SPAN
  const row = database
    .sql(`SELECT id FROM ${channel.records} WHERE id >= ? AND id < ? ORDER BY id LIMIT 1`)
    .get(from, from + PARTITION_SPAN) as { id: number } | undefined
  return row && row.id - from
}

/**
 * The first record of `timeMs` or later. Records lie in order of their arrival, so all that arrived earlier is skipped
 * by bisection; from there on a sender's own time may still be an earlier one.
 */
const offsetAt = (
  database: Database,
  channel: Channel,
  partition: number,
  earliest: number,
  end: number,
  timeMs: number,
): number => {
  const from = partition * PARTITION_SPAN
  const arrival = database.sql(`SELECT at FROM ${channel.records} WHERE id >= ? AND id < ? ORDER BY id LIMIT 1`)
  let [low, high] = [earliest, end]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const row = arrival.get(from + middle, from + end) as { at: number } | undefined
    if (row && row.at < timeMs) low = middle + 1
    else high = middle
  }
  const found = database
    .sql(`SELECT id FROM ${channel.records} WHERE id >= ? AND id < ? AND coalesce(time, at) >= ? ORDER BY id LIMIT 1`)
    .get(from + low, from + end, timeMs) as { id: number } | undefined
  return found ? found.id - from : end
}
