/**
 * An invocation as a frame. The header holds columns rather than an object for each record, and leaves out a column in
 * which all values are the usual one: a batch of a hundred costs microseconds on either side.
 */
import { isAscii } from 'node:buffer'
import type { EventRecord, HeaderValue } from '../../contract.ts'
import { checkedText, type ReadText } from '../../event/text.ts'
import { valueFromJson, valueToJson } from '../../values.ts'
import type { InvokedRecord } from '../contract.ts'
import type { Request } from '../runtime/run.ts'
import { bodyReader, lengthOf } from './bodies.ts'
import { type Column, fromColumn, type Offsets, toColumn, toOffsets } from './columns.ts'

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
  readonly times: Offsets
  readonly lengths: Column
  readonly fences: Column
  readonly attempts: Column
  readonly idempotencyKeys: readonly string[]
  /** The others are left out where all records have the usual value: this channel, a stable id, none. */
  readonly sources?: readonly string[]
  readonly strengths?: readonly EventRecord['idStrength'][]
  readonly keys?: readonly Json[]
  readonly headers?: readonly (readonly (readonly [string, Json])[])[]
  readonly properties?: readonly (Json | null)[]
  readonly positions?: readonly (EventRecord['position'] | null)[]
}

export interface EncodedRequest {
  readonly header: string
  readonly bodies: readonly Uint8Array[]
}

export const encodeRequest = (request: Request, deadline: number): EncodedRequest => {
  const { records } = request
  const bodies: Uint8Array[] = []
  const ids: string[] = []
  const times: number[] = []
  const lengths: number[] = []
  const fences: number[] = []
  const attempts: number[] = []
  const idempotencyKeys: string[] = []
  for (const { record, attempt, fence, idempotencyKey } of records) {
    if (record.body !== null) bodies.push(record.body)
    ids.push(record.id)
    times.push(record.time)
    lengths.push(lengthOf(record.body))
    fences.push(fence)
    attempts.push(attempt)
    idempotencyKeys.push(idempotencyKey)
  }
  const header: RequestHeader = {
    requestId: request.requestId,
    mapping: request.mapping,
    channel: request.channel,
    codec: request.codec,
    hasSchema: request.hasSchema,
    order: request.order,
    deadline,
    ids,
    times: toOffsets(times),
    lengths: toColumn(lengths),
    fences: toColumn(fences),
    attempts: toColumn(attempts),
    idempotencyKeys,
    ...unusualColumns(request),
  }
  return { header: JSON.stringify(header), bodies }
}

const unusualColumns = ({ channel, records }: Request): Partial<RequestHeader> => {
  const columns: { -readonly [Name in keyof RequestHeader]?: RequestHeader[Name] } = {}
  for (const { record } of records) {
    if (record.source !== channel) columns.sources ??= records.map(r => r.record.source)
    if (record.idStrength === 'weak') columns.strengths ??= records.map(r => r.record.idStrength)
    if (record.key !== null)
      columns.keys ??= records.map(r => (r.record.key === null ? null : valueToJson(r.record.key)))
    if (record.headers.length > 0) columns.headers ??= records.map(r => headersToJson(r.record.headers))
    if (record.properties !== undefined)
      columns.properties ??= records.map(r => (r.record.properties ? valueToJson(r.record.properties) : null))
    if (record.position !== undefined) columns.positions ??= records.map(r => r.record.position ?? null)
  }
  return columns
}

const headersToJson = (headers: EventRecord['headers']): readonly (readonly [string, Json])[] =>
  headers.map(([name, value]) => [name, valueToJson(value)] as const)

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
    readText: isAscii(region) ? wholeText(region) : checkedText,
  }
}

/** One scan and one conversion for all bodies instead of one for each. */
const wholeText = (region: Buffer): ReadText => {
  const text = region.toString('latin1')
  return body => {
    const at = body.byteOffset - region.byteOffset
    return text.substring(at, at + body.byteLength)
  }
}

const NO_HEADERS: EventRecord['headers'] = Object.freeze([])

const receivedRecord = (
  header: RequestHeader,
  id: string,
  index: number,
  nextBody: (length: number) => Buffer | null,
): InvokedRecord => {
  const record: { -readonly [Field in keyof EventRecord]: EventRecord[Field] } = {
    id,
    idStrength: header.strengths?.[index] ?? 'stable',
    source: header.sources?.[index] ?? header.channel,
    time: header.times.base + fromColumn(header.times.offsets, index, 0),
    key: header.keys ? keyFromJson(header.keys[index] ?? null) : null,
    headers: header.headers?.[index]?.map(([name, value]) => [name, valueFromJson(value)] as const) ?? NO_HEADERS,
    body: nextBody(fromColumn(header.lengths, index, 0)),
  }
  const properties = header.properties?.[index]
  if (properties) record.properties = valueFromJson(properties) as Readonly<Record<string, HeaderValue>>
  const position = header.positions?.[index]
  if (position) record.position = position
  return {
    record,
    attempt: fromColumn(header.attempts, index, 1),
    idempotencyKey: header.idempotencyKeys[index] ?? '',
    fence: fromColumn(header.fences, index, 0),
  }
}

const keyFromJson = (json: Json): EventRecord['key'] =>
  json === null || typeof json === 'string' ? json : (valueFromJson(json) as Uint8Array)
