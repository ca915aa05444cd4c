/**
 * An invocation as a frame. The header holds columns rather than an object for each record, and leaves out a column in
 * which all values are the usual one: a batch of a hundred costs microseconds on either side.
 */
import { isAscii } from 'node:buffer'
import type { EventRecord, HeaderValue } from '../../contract.ts'
import { asciiText, checkedText, type ReadText } from '../../event/text.ts'
import { valueFromJson, valueToJson } from '../../values.ts'
import type { InvokedRecord } from '../contract.ts'
import type { Request } from '../runtime/run.ts'
import { bodyReader, lengthOf } from './bodies.ts'

type Json = ReturnType<typeof valueToJson>

interface RequestHeader {
  readonly requestId: string
  readonly mapping: string
  readonly channel: string
  readonly codec: Request['codec']
  readonly hasSchema: boolean
  readonly order: Request['order']
  /** Milliseconds since the epoch. */
  readonly deadline: number
  readonly ids: readonly string[]
  /** Absent: every record is of `channel`. */
  readonly sources?: readonly string[]
  /** Absent: every id is stable. */
  readonly weak?: readonly (0 | 1)[]
  readonly times: readonly number[]
  readonly keys?: readonly Json[]
  readonly headers?: readonly (readonly (readonly [string, Json])[])[]
  readonly properties?: readonly (Json | null)[]
  readonly positions?: readonly (EventRecord['position'] | null)[]
  /** Absent: every attempt is the first. */
  readonly attempts?: readonly number[]
  readonly idempotencyKeys: readonly string[]
  readonly fences: readonly number[]
  readonly lengths: readonly number[]
}

export const encodeRequest = (request: Request, deadline: number): { header: string; bodies: Uint8Array[] } => {
  const { records } = request
  const bodies: Uint8Array[] = []
  for (const { record } of records) if (record.body !== null) bodies.push(record.body)
  const header: RequestHeader = {
    requestId: request.requestId,
    mapping: request.mapping,
    channel: request.channel,
    codec: request.codec,
    hasSchema: request.hasSchema,
    order: request.order,
    deadline,
    ids: records.map(({ record }) => record.id),
    times: records.map(({ record }) => record.time),
    idempotencyKeys: records.map(invoked => invoked.idempotencyKey),
    fences: records.map(invoked => invoked.fence),
    lengths: records.map(({ record }) => lengthOf(record.body)),
    ...unusualColumns(request),
  }
  return { header: JSON.stringify(header), bodies }
}

const unusualColumns = ({ channel, records }: Request): Partial<RequestHeader> => {
  const columns: { -readonly [Name in keyof RequestHeader]?: RequestHeader[Name] } = {}
  if (records.some(({ record }) => record.source !== channel)) columns.sources = records.map(r => r.record.source)
  if (records.some(({ record }) => record.idStrength === 'weak'))
    columns.weak = records.map(({ record }) => (record.idStrength === 'weak' ? 1 : 0))
  if (records.some(({ record }) => record.key !== null))
    columns.keys = records.map(({ record }) => (record.key === null ? null : valueToJson(record.key)))
  if (records.some(({ record }) => record.headers.length > 0))
    columns.headers = records.map(({ record }) => record.headers.map(([name, value]) => [name, valueToJson(value)]))
  if (records.some(({ record }) => record.properties !== undefined))
    columns.properties = records.map(({ record }) =>
      record.properties === undefined ? null : valueToJson(record.properties),
    )
  if (records.some(({ record }) => record.position !== undefined))
    columns.positions = records.map(({ record }) => record.position ?? null)
  if (records.some(({ attempt }) => attempt !== 1)) columns.attempts = records.map(({ attempt }) => attempt)
  return columns
}

export interface ReceivedRequest {
  readonly request: Request
  readonly deadline: number
  readonly readText: ReadText
}

/** The inverse, in the environment. Bodies share memory with `region`. Throws when the frame is not a request. */
export const decodeRequest = (headerText: string, region: Buffer): ReceivedRequest => {
  const header = JSON.parse(headerText) as RequestHeader
  const nextBody = bodyReader(region)
  const records = header.ids.map((id, index) => receivedRecord(header, id, index, nextBody))
  return {
    request: {
      requestId: header.requestId,
      mapping: header.mapping,
      channel: header.channel,
      codec: header.codec,
      hasSchema: header.hasSchema,
      order: header.order,
      records,
    },
    deadline: header.deadline,
    // One scan over all bodies instead of one for each.
    readText: isAscii(region) ? asciiText : checkedText,
  }
}

const NO_HEADERS: EventRecord['headers'] = Object.freeze([])

const receivedRecord = (
  header: RequestHeader,
  id: string,
  index: number,
  nextBody: (length: number) => Buffer | null,
): InvokedRecord => {
  const properties = header.properties?.[index]
  const position = header.positions?.[index]
  return {
    record: {
      id,
      idStrength: header.weak?.[index] === 1 ? 'weak' : 'stable',
      source: header.sources?.[index] ?? header.channel,
      time: header.times[index] ?? 0,
      key: header.keys ? keyFromJson(header.keys[index] ?? null) : null,
      headers: header.headers?.[index]?.map(([name, value]) => [name, valueFromJson(value)] as const) ?? NO_HEADERS,
      body: nextBody(header.lengths[index] ?? 0),
      ...(properties ? { properties: valueFromJson(properties) as Readonly<Record<string, HeaderValue>> } : undefined),
      ...(position ? { position } : undefined),
    },
    attempt: header.attempts?.[index] ?? 1,
    idempotencyKey: header.idempotencyKeys[index] ?? '',
    fence: header.fences[index] ?? 0,
  }
}

const keyFromJson = (json: Json): EventRecord['key'] =>
  json === null || typeof json === 'string' ? json : (valueFromJson(json) as Uint8Array)
