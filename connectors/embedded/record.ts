/** Records as rows of a channel's table, and back, without losing a bit of them. */
import type { EventRecord, Header, HeaderValue, OutgoingRecord } from '../../core/contract.ts'
import { headersFromText, headersToText } from '../../core/values.ts'
import { type Channel, PARTITION_SPAN } from './tables.ts'

/** The columns of a record that is read, in the order of {@link RecordRow}. */
export const RECORD_COLUMNS = 'id, at, time, record_id, key, headers, properties, body'

export interface RecordRow {
  readonly id: number
  /** Milliseconds since the epoch at which the broker took it. */
  readonly at: number
  /** What the sender said, where it said anything. */
  readonly time: number | null
  readonly record_id: string | null
  readonly key: string | Uint8Array | null
  readonly headers: string | null
  readonly properties: string | null
  readonly body: Uint8Array | null
}

export const recordOf = (channel: Channel, row: RecordRow): EventRecord => {
  const offset = row.id % PARTITION_SPAN
  const record = {
    id: row.record_id ?? generatedId(channel, row.id, offset),
    idStrength: 'stable' as const,
    source: channel.address,
    time: row.time ?? row.at,
    key: row.key,
    headers: row.headers === null ? NO_HEADERS : headersFromText(row.headers),
    body: row.body,
    position: positionOf(channel, row.id, offset),
  }
  return row.properties === null ? record : { ...record, properties: propertiesFromText(row.properties) }
}

const NO_HEADERS: readonly Header[] = Object.freeze([])

export const partitionOf = (id: number): number => Math.floor(id / PARTITION_SPAN)

const generatedId = (channel: Channel, id: number, offset: number): string =>
  channel.type === 'stream' ? `${channel.uid}-${partitionOf(id)}-${offset}` : `${channel.uid}-${offset}`

const positionOf = (channel: Channel, id: number, offset: number): Readonly<Record<string, string | number>> => {
  if (channel.type === 'queue') return { queue: channel.name, offset }
  if (channel.type === 'topic') return { topic: channel.name, offset }
  return { stream: channel.name, partition: partitionOf(id), offset }
}

/** What is bound to the columns `time, record_id, key, headers, properties, body` of a new row. */
export const boundValues = (record: OutgoingRecord) =>
  [
    record.time === undefined ? null : Math.round(record.time),
    record.id ?? null,
    record.key ?? null,
    record.headers === undefined || record.headers.length === 0 ? null : headersToText(record.headers),
    record.properties === undefined ? null : headersToText(Object.entries(record.properties)),
    record.body,
  ] as const

const propertiesFromText = (text: string): Readonly<Record<string, HeaderValue>> =>
  Object.fromEntries(headersFromText(text))
