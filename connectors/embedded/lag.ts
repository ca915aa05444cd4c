/** How far a group is behind, counted from narrow rows: no body is read. */
import type { Lag } from '../../core/contract.ts'
import type { Database } from '../../core/database.ts'
import { type Channel, PARTITION_SPAN } from './tables.ts'

export const competingLag = (database: Database, channel: Channel, reader: number): readonly Lag[] => {
  const row = database
    .sql(
      `SELECT l.next - r.cursor - (SELECT count(*) FROM ${channel.records} d WHERE d.due IS NOT NULL AND d.id >= r.cursor)
           + (SELECT count(*) FROM embedded_waiting w WHERE w.reader = r.number)
           + (SELECT coalesce(sum(c.last - c.first + 1), 0) FROM embedded_claims c WHERE c.reader = r.number) AS records,
         min(r.cursor,
           coalesce((SELECT min(w.id) FROM embedded_waiting w WHERE w.reader = r.number), r.cursor),
           coalesce((SELECT min(c.first) FROM embedded_claims c WHERE c.reader = r.number), r.cursor)) AS oldest
       FROM embedded_readers r JOIN embedded_logs l ON l.channel = r.channel AND l.partition = 0 WHERE r.number = ?`,
    )
    .get(reader) as { records: number; oldest: number }
  return [lagOf(database, channel, '0', row.records, row.oldest)]
}

export const streamLag = (database: Database, channel: Channel, reader: number): readonly Lag[] => {
  const rows = database
    .sql(
      `SELECT a.partition, a.committed, a.finished, l.next FROM embedded_lanes a
       JOIN embedded_logs l ON l.channel = ? AND l.partition = a.partition WHERE a.reader = ? ORDER BY a.partition`,
    )
    .all(channel.number, reader) as unknown as readonly StreamRow[]
  return rows.map(row => streamLaneLag(database, channel, row))
}

interface StreamRow {
  readonly partition: number
  readonly committed: number
  readonly finished: string
  readonly next: number
}

const streamLaneLag = (database: Database, channel: Channel, row: StreamRow): Lag => {
  const from = row.partition * PARTITION_SPAN
  const first = database
    .sql(`SELECT id FROM ${channel.records} WHERE id >= ? AND id < ? ORDER BY id LIMIT 1`)
    .get(from + row.committed, from + PARTITION_SPAN) as { id: number } | undefined
  if (!first) return { lane: String(row.partition), records: 0 }
  const runs = row.finished === '' ? [] : (JSON.parse(row.finished) as readonly (readonly [number, number])[])
  const offset = first.id - from
  const finished = runs.reduce((sum, [a, b]) => sum + Math.max(0, b - Math.max(a, offset) + 1), 0)
  return lagOf(database, channel, String(row.partition), row.next - offset - finished, first.id)
}

const lagOf = (database: Database, channel: Channel, lane: string, records: number, oldestId: number): Lag => {
  if (records === 0) return { lane, records }
  const row = database
    .sql(`SELECT coalesce(time, at) AS oldest FROM ${channel.records} WHERE id >= ? ORDER BY id LIMIT 1`)
    .get(oldestId) as { oldest: number } | undefined
  return row ? { lane, records, oldest: row.oldest } : { lane, records }
}
