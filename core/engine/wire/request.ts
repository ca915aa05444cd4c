/**
 * An invocation as a message: a header of JSON, then numbers, then the bodies of the records.
 *
 * It holds columns rather than an object for each record, and leaves out a column in which all values are the usual one:
 * a batch of a hundred costs microseconds on either side.
 */
import { isAscii } from 'node:buffer'
import type { EventRecord, HeaderValue } from '../../contract.ts'
import { checkedText, type ReadText } from '../../event/text.ts'
import { valueFromJson, valueToJson } from '../../values.ts'
import type { Invocation, InvokedRecord } from '../contract.ts'
import type { Request } from '../runtime/run.ts'
import { bodyReader, lengthOf } from './bodies.ts'
import { bytesOfNumbers, numberColumns, readNumbers, textReader } from './columns.ts'

type Json = ReturnType<typeof valueToJson>

interface RequestHeader {
  readonly requestId: string
  readonly mapping: string
  readonly channel: string
  readonly codec: Request['codec']
  readonly hasSchema: boolean
  readonly order: Request['order']
  /** Left out in Millrace's own form, with what only other forms tell of records. */
  readonly events?: Request['events']
  readonly firstSeen?: readonly (number | null)[]
  /** Milliseconds since the epoch. */
  readonly deadline: number
  /** Left out where the caller takes an answer as a whole only. */
  readonly streams?: 'yes'
  readonly count: number
  readonly ids: string
  readonly idempotencyKeys: string
  /** The keys that are text; NO_TEXT stands for the length of the others. */
  readonly keys: string
  /** Of the first positions.length columns after the usual ones, where all positions have the same numbers. */
  readonly positionNames: readonly string[]
  /** The others are left out where all records have the usual value: this channel, a stable id, none. */
  readonly sources?: readonly string[]
  readonly strengths?: readonly EventRecord['idStrength'][]
  readonly byteKeys?: readonly (Json | null)[]
  readonly headers?: readonly (readonly (readonly [string, Json])[])[]
  readonly properties?: readonly (Json | null)[]
  readonly positions?: readonly (EventRecord['position'] | null)[]
}

/** The columns of numbers, in this order; those of the positions follow. */
const COLUMN = { id: 0, idempotencyKey: 1, key: 2, body: 3, time: 4, fence: 5, attempt: 6 } as const
const COLUMNS = 7

const NO_TEXT = -1

export interface EncodedRequest {
  readonly header: string
  readonly bodies: readonly Uint8Array[]
  /** Of the bodies and, roughly, the header. */
  readonly bytes: number
}

export const encodeRequest = (request: Request & Pick<Invocation, 'stream'>, deadline: number): EncodedRequest => {
  const { records } = request
  const positionNames = commonPositionNames(records)
  const { numbers, bytes } = numberColumns(records.length, COLUMNS + positionNames.length)
  const bodies: Uint8Array[] = [bytes]
  let bodyBytes = bytes.byteLength
  const texts = { ids: '', idempotencyKeys: '', keys: '' }
  for (let index = 0; index < records.length; index += 1) {
    const invoked = records[index] as InvokedRecord
    writeRow(numbers, records.length, index, invoked, positionNames)
    const { id, key, body } = invoked.record
    texts.ids += id
    texts.idempotencyKeys += invoked.idempotencyKey
    if (typeof key === 'string') texts.keys += key
    if (body === null) continue
    bodies.push(body)
    bodyBytes += body.byteLength
  }
  const { requestId, mapping, channel, codec, hasSchema, order } = request
  const usual = { requestId, mapping, channel, codec, hasSchema, order, deadline, count: records.length }
  const columns: RequestHeader = {
    ...usual,
    ...texts,
    positionNames,
    ...(request.stream ? { streams: 'yes' as const } : {}),
    ...unusualColumns(request, positionNames),
    ...(request.events ? { events: request.events, firstSeen: records.map(each => each.firstSeen ?? null) } : {}),
  }
  const header = JSON.stringify(columns)
  return { header, bodies, bytes: header.length + bodyBytes }
}

const writeRow = (
  numbers: Float64Array,
  count: number,
  index: number,
  { record, idempotencyKey, attempt, fence }: InvokedRecord,
  positionNames: readonly string[],
): void => {
  numbers[COLUMN.id * count + index] = record.id.length
  numbers[COLUMN.idempotencyKey * count + index] = idempotencyKey.length
  numbers[COLUMN.key * count + index] = typeof record.key === 'string' ? record.key.length : NO_TEXT
  numbers[COLUMN.body * count + index] = lengthOf(record.body)
  numbers[COLUMN.time * count + index] = record.time
  numbers[COLUMN.fence * count + index] = fence
  numbers[COLUMN.attempt * count + index] = attempt
  for (let column = 0; column < positionNames.length; column += 1)
    numbers[(COLUMNS + column) * count + index] = record.position?.[positionNames[column] as string] as number
}

const NO_NAMES: readonly string[] = []

/** The names of the positions' numbers, if every position has these and nothing else; otherwise none. */
const commonPositionNames = (records: readonly InvokedRecord[]): readonly string[] => {
  const first = records[0]?.record.position
  if (!first) return NO_NAMES
  const names = Object.keys(first)
  for (const { record } of records) {
    let members = 0
    for (const name in record.position) {
      if (typeof record.position[name] !== 'number' || names[members] !== name) return NO_NAMES
      members += 1
    }
    if (members !== names.length) return NO_NAMES
  }
  return names
}

const unusualColumns = ({ channel, records }: Request, positionNames: readonly string[]): Partial<RequestHeader> => {
  const columns: { -readonly [Name in keyof RequestHeader]?: RequestHeader[Name] } = {}
  for (const { record } of records) {
    if (record.source !== channel) columns.sources ??= records.map(r => r.record.source)
    if (record.idStrength === 'weak') columns.strengths ??= records.map(r => r.record.idStrength)
    if (record.key !== null && typeof record.key !== 'string') columns.byteKeys ??= records.map(byteKeyOf)
    if (record.headers.length > 0) columns.headers ??= records.map(r => headersToJson(r.record.headers))
    if (record.properties !== undefined)
      columns.properties ??= records.map(r => (r.record.properties ? valueToJson(r.record.properties) : null))
    if (record.position !== undefined && positionNames.length === 0)
      columns.positions ??= records.map(r => r.record.position ?? null)
  }
  return columns
}

const byteKeyOf = ({ record }: InvokedRecord): Json | null =>
  record.key === null || typeof record.key === 'string' ? null : valueToJson(record.key)

const headersToJson = (headers: EventRecord['headers']): readonly (readonly [string, Json])[] =>
  headers.map(([name, value]) => [name, valueToJson(value)] as const)

export interface ReceivedRequest {
  readonly request: Request
  readonly deadline: number
  readonly streams: 'yes' | 'no'
  readonly readText: ReadText
}

/** The inverse, in the environment. Bodies share memory with `region`. Throws when the frame is not a request. */
export const decodeRequest = (headerText: string, region: Buffer): ReceivedRequest => {
  const { deadline, ...header } = JSON.parse(headerText) as RequestHeader
  const columns = COLUMNS + header.positionNames.length
  const bodies = region.subarray(bytesOfNumbers(header.count, columns))
  const { requestId, mapping, channel, codec, hasSchema, order } = header
  const records = readRecords({ deadline, ...header }, readNumbers(region, header.count, columns), bodies)
  return {
    request: {
      requestId,
      mapping,
      channel,
      codec,
      hasSchema,
      order,
      records,
      ...(header.events ? { events: header.events } : {}),
    },
    deadline,
    streams: header.streams ?? 'no',
    // One scan and one conversion for all bodies instead of one for each.
    readText: isAscii(bodies) ? wholeText(bodies) : checkedText,
  }
}

const wholeText = (region: Buffer): ReadText => {
  const text = region.toString('latin1')
  return body => {
    const at = body.byteOffset - region.byteOffset
    return text.substring(at, at + body.byteLength)
  }
}

const readRecords = (header: RequestHeader, numbers: Float64Array, bodies: Buffer): InvokedRecord[] => {
  const { count } = header
  const nextId = textReader(header.ids)
  const nextIdempotencyKey = textReader(header.idempotencyKeys)
  const nextKey = textReader(header.keys)
  const nextBody = bodyReader(bodies)
  const records: InvokedRecord[] = []
  for (let index = 0; index < count; index += 1) {
    const at = (column: number): number => numbers[column * count + index] as number
    const record: Writable<EventRecord> = {
      id: nextId(at(COLUMN.id)),
      idStrength: header.strengths?.[index] ?? 'stable',
      source: header.sources?.[index] ?? header.channel,
      time: at(COLUMN.time),
      key: at(COLUMN.key) === NO_TEXT ? byteKey(header, index) : nextKey(at(COLUMN.key)),
      headers: header.headers ? headersFromJson(header.headers[index] ?? []) : NO_HEADERS,
      body: nextBody(at(COLUMN.body)),
    }
    addUnusual(record, header, index, at)
    const firstSeen = header.firstSeen?.[index]
    records.push({
      record,
      attempt: at(COLUMN.attempt),
      idempotencyKey: nextIdempotencyKey(at(COLUMN.idempotencyKey)),
      fence: at(COLUMN.fence),
      ...(typeof firstSeen === 'number' ? { firstSeen } : {}),
    })
  }
  return records
}

type Writable<T> = { -readonly [Field in keyof T]: T[Field] }

const NO_HEADERS: EventRecord['headers'] = Object.freeze([])

const addUnusual = (
  record: Writable<EventRecord>,
  header: RequestHeader,
  index: number,
  at: (column: number) => number,
): void => {
  const properties = header.properties?.[index]
  if (properties) record.properties = valueFromJson(properties) as Readonly<Record<string, HeaderValue>>
  const { positionNames } = header
  if (positionNames.length > 0) {
    const position: Record<string, number> = {}
    for (let column = 0; column < positionNames.length; column += 1)
      position[positionNames[column] as string] = at(COLUMNS + column)
    record.position = position
  } else {
    const position = header.positions?.[index]
    if (position) record.position = position
  }
}

const byteKey = (header: RequestHeader, index: number): Uint8Array | null => {
  const json = header.byteKeys?.[index] ?? null
  return json === null ? null : (valueFromJson(json) as Uint8Array)
}

const headersFromJson = (headers: readonly (readonly [string, Json])[]): EventRecord['headers'] =>
  headers.map(([name, value]) => [name, valueFromJson(value)] as const)
