/** How a record stands in the columns of an outbox. */
import type { EventRecord, Header, HeaderValue, OutgoingRecord } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import { headersFromText, headersToText, keyText, valueFromJson } from '../../core/values.ts'

/** As the statements of `claims.ts` return it. */
export interface OutboxRow {
  /** A bigint, as text. */
  readonly id: string
  readonly key: string | null
  readonly body: Uint8Array | null
  /** Text of JSON. */
  readonly headers: string | null
  readonly event_id: string | null
  readonly created_ms: number
  /** Text of JSON. */
  readonly exact: string | null
}

/** What such a row is read with. */
export const RECORD_COLUMNS = `t.id::text AS id, t.key, coalesce(t.body, convert_to(t.data::text, 'UTF8')) AS body,
  t.headers::text AS headers, t.event_id, (extract(epoch FROM t.created_at) * 1000)::float8 AS created_ms, t.exact::text AS exact`

/** What its columns could not hold: keys that are no text, headers that are more than JSON, properties. */
type Exact = readonly Header[]

const KEY = 'key'
const HEADERS = 'headers'
const PROPERTIES = 'properties'

export const recordOfRow = (
  place: { readonly table: string; readonly address: string },
  row: OutboxRow,
): EventRecord => {
  const exact = new Map(headersFromText(row.exact ?? ''))
  const properties = exact.get(PROPERTIES) as EventRecord['properties']
  return {
    id: row.event_id ?? `row-${row.id}`,
    idStrength: 'stable',
    source: place.address,
    time: Math.floor(row.created_ms),
    key: (exact.get(KEY) as Uint8Array | string | undefined) ?? row.key,
    headers: (exact.get(HEADERS) as readonly Header[] | undefined) ?? headersOf(row.headers),
    ...(properties === undefined ? {} : { properties }),
    body: row.body && plainBytes(row.body),
    position: { table: place.table, row: Number.isSafeInteger(Number(row.id)) ? Number(row.id) : row.id },
  }
}

/** `{ "type": "paid" }` or `[["type", "paid"]]`; what is neither is one header with the name `headers`. */
const headersOf = (text: string | null): readonly Header[] => {
  const json: unknown = JSON.parse(text ?? 'null')
  if (json === null) return NO_HEADERS
  if (Array.isArray(json) && json.every(isPair)) return json.map(([name, value]) => [name, valueFromJson(value)])
  if (typeof json === 'object' && !Array.isArray(json))
    return Object.entries(json).map(([name, value]) => [name, valueFromJson(value)])
  return [[HEADERS, json as HeaderValue]]
}

const isPair = (pair: unknown): pair is readonly [string, never] =>
  Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string'

const NO_HEADERS: readonly Header[] = Object.freeze([])

/** The columns of a record that is sent, in the order of {@link INSERT_COLUMNS}; a refusal where they cannot hold it. */
export const rowOfRecord = (address: string, record: OutgoingRecord): readonly unknown[] | MillraceError => {
  const { id = null, key = null, headers = NO_HEADERS, properties, body, time, delayMs = 0 } = record
  if (id !== null && !isColumnText(id))
    return new MillraceError('SEND_INVALID', `${address}: id must be text without a null character or half of a pair`)
  const plainKey = key === null || (typeof key === 'string' && isColumnText(key))
  const exact: Exact = [
    ...(plainKey ? [] : [[KEY, key] as const]),
    ...(properties === undefined ? [] : [[PROPERTIES, properties] as const]),
  ]
  return [
    plainKey ? key : encodeURIComponent(Buffer.from(keyText(key) ?? '').toString('base64')),
    body && Buffer.from(body.buffer, body.byteOffset, body.byteLength),
    headers.length === 0 ? null : headersToText(headers),
    id,
    time === undefined ? null : time / 1_000,
    delayMs,
    exact.length === 0 ? null : headersToText(exact),
  ]
}

/** For `unnest`, with the types of its lists. */
export const INSERT_COLUMNS = {
  names: ['key', 'body', 'headers', 'event_id', 'time', 'delay', 'exact'],
  types: ['text', 'bytea', 'json', 'text', 'float8', 'float8', 'json'],
} as const

/** PostgreSQL's text has no null character, and is UTF-8. */
const isColumnText = (text: string): boolean => !text.includes('\0') && text.isWellFormed()

const plainBytes = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
