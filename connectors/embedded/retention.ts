/**
 * What topics and streams forget: records older than their retention, and the oldest beyond their size. A topic never
 * forgets what a group still has to get; a stream does, and the group's position then resumes at the earliest there is.
 */
import type { Cancel } from '../../core/clock.ts'
import type { Database } from '../../core/database.ts'
import type { Place } from './place.ts'
import { type Channel, PARTITION_SPAN } from './tables.ts'

const DEFAULT_RETENTION_MS = 7 * 24 * 60 * 60 * 1_000
const DEFAULT_RETENTION_BYTES = 1_000_000_000
const TRIM_EVERY_MS = 5_000
/** Short transactions: others want to write too. */
const ROWS_AT_ONCE = 500

export interface Retention {
  readonly ageMs: number
  /** Of bodies, over all partitions of the channel. */
  readonly bytes: number
}

export interface Housekeeping {
  /** Looks after the channel for as long as the connection is open. */
  keep(channel: Channel, options: Readonly<Record<string, unknown>>): void
  stop(): Promise<void>
}

export const startRetention = (place: Place): Housekeeping => {
  const channels = new Map<number, { readonly channel: Channel; readonly retention: Retention }>()
  let cancel: Cancel | undefined
  let running: Promise<void> = Promise.resolve()
  let stopped = false
  const arm = (): void => {
    if (!stopped) cancel = place.clock.after(TRIM_EVERY_MS, run)
  }
  const run = (): void => {
    running = trimAll().then(arm)
  }
  const trimAll = async (): Promise<void> => {
    for (const { channel, retention } of channels.values()) {
      try {
        await trim(place, channel, retention)
      } catch (error) {
        place.log.warn(`${channel.address}: retention could not delete; it tries again`, { error })
      }
    }
  }
  return {
    keep(channel, options) {
      if (channel.type === 'queue') return
      if (channels.size === 0) arm()
      channels.set(channel.number, { channel, retention: retentionOf(options) })
    },
    async stop() {
      stopped = true
      cancel?.()
      await running
    },
  }
}

const retentionOf = (options: Readonly<Record<string, unknown>>): Retention => ({
  ageMs: Number(options.retention ?? DEFAULT_RETENTION_MS),
  bytes: Number(options.retentionBytes ?? DEFAULT_RETENTION_BYTES),
})

/** Deletes, a few hundred at a time, all that is past retention; resolves when none is left that may go. */
export const trim = async (place: Place, channel: Channel, retention: Retention): Promise<void> => {
  const { database, clock } = place
  let bytes = database.read(() => bytesOf(database, channel))
  const passed = Array.from({ length: channel.partitions }, (_, partition) => partition * PARTITION_SPAN)
  for (;;) {
    const oldest = database.read(() => oldestHead(database, channel, passed))
    if (!oldest || countPast([oldest], bytes, clock.now(), retention) === 0) return
    const partition = Math.floor(oldest.id / PARTITION_SPAN)
    const rows = database.read(() => headOf(database, channel, oldest.id))
    const past = rows.slice(0, countPast(rows, bytes, clock.now(), retention))
    const last = past.at(-1) ?? oldest
    await database.claim(() => deleteThrough(database, channel, partition, oldest.id, last.id))
    passed[partition] = last.id + 1
    bytes -= past.reduce((sum, row) => sum + row.bytes, 0)
  }
}

interface Head {
  readonly id: number
  readonly at: number
  readonly bytes: number
}

/** How many of these, oldest first, are past retention; pure. */
export const countPast = (rows: readonly Head[], totalBytes: number, nowMs: number, retention: Retention): number => {
  let left = totalBytes
  let count = 0
  for (const row of rows) {
    if (row.at >= nowMs - retention.ageMs && left <= retention.bytes) break
    left -= row.bytes
    count += 1
  }
  return count
}

/** The record that arrived first, of those at the heads of the partitions. */
const oldestHead = (database: Database, channel: Channel, from: readonly number[]): Head | undefined => {
  const head = database.sql(
    `SELECT id, at, coalesce(length(body), 0) AS bytes FROM ${channel.records} WHERE id >= ? AND id < ?
     ORDER BY id LIMIT 1`,
  )
  const heads = from.flatMap((id, partition) => {
    const row = head.get(id, (partition + 1) * PARTITION_SPAN) as Head | undefined
    return row ? [row] : []
  })
  return heads.reduce<Head | undefined>((oldest, each) => (oldest && oldest.at <= each.at ? oldest : each), undefined)
}

const headOf = (database: Database, channel: Channel, id: number): readonly Head[] =>
  database
    .sql(
      `SELECT id, at, coalesce(length(body), 0) AS bytes FROM ${channel.records} WHERE id >= ? AND id < ?
       ORDER BY id LIMIT ${ROWS_AT_ONCE}`,
    )
    .all(id, (Math.floor(id / PARTITION_SPAN) + 1) * PARTITION_SPAN) as unknown as readonly Head[]

const bytesOf = (database: Database, channel: Channel): number =>
  (
    database.sql('SELECT sum(bytes) AS bytes FROM embedded_logs WHERE channel = ?').get(channel.number) as {
      bytes: number
    }
  ).bytes

const NEEDED_BY_NOBODY = `
  AND id < coalesce((SELECT min(cursor) FROM embedded_readers WHERE channel = :channel), id + 1)
  AND id NOT IN (SELECT w.id FROM embedded_waiting w JOIN embedded_readers r ON r.number = w.reader
                 WHERE r.channel = :channel AND w.id BETWEEN :first AND :last)
  AND NOT EXISTS (SELECT 1 FROM embedded_claims c JOIN embedded_readers r ON r.number = c.reader
                  WHERE r.channel = :channel AND id BETWEEN c.first AND c.last)`

const deleteThrough = (database: Database, channel: Channel, partition: number, first: number, last: number): void => {
  const topic = channel.type === 'topic'
  const doomed = `id BETWEEN :first AND :last ${topic ? NEEDED_BY_NOBODY : ''}`
  const range = { first, last, ...(topic ? { channel: channel.number } : {}) }
  const { bytes } = database
    .sql(`SELECT coalesce(sum(length(body)), 0) AS bytes FROM ${channel.records} WHERE ${doomed}`)
    .get(range) as { bytes: number }
  const { changes } = database.sql(`DELETE FROM ${channel.records} WHERE ${doomed}`).run(range)
  if (changes === 0) return
  database
    .sql('UPDATE embedded_logs SET bytes = bytes - ? WHERE channel = ? AND partition = ?')
    .run(bytes, channel.number, partition)
}
