/**
 * An invocation as a message: a header of JSON, then numbers, then the bodies of the records.
 *
 * It holds columns rather than an object for each record, and leaves out a column in which all values are the usual one:
 * a batch of a hundred costs microseconds on either side.
 */
import { isAscii } from 'node:buffer'
import type { EventRecord } from '../../contract.ts'
import { checkedText, type ReadText } from '../../event/text.ts'
import { valueFromJson, valueToJson } from '../../values.ts'
import type { Invocation, InvokedRecord } from '../contract.ts'
import type { Request } from '../runtime/run.ts'
import { bodyReader, lengthOf } from './bodies.ts'
import { bytesOfNumbers, numberColumns, readNumbers, textReader } from './columns.ts'
import { encodeObjects, type ObjectColumns, objectReader, widthOf } from './objects.ts'

type Json = ReturnType<typeof valueToJson>

interface RequestHeader {
  readonly requestId: string
  readonly mapping: string
  readonly channel: string
  readonly codec: Request['codec']
  readonly hasSchema: boolean
  readonly order: Request['order']
  readonly replayed?: true
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
  /** Left out where there are none, or they differ too much: then they stand below. Their numbers follow the usual ones. */
  readonly positionColumns?: ObjectColumns
  readonly propertyColumns?: ObjectColumns
  /** The others are left out where all records have the usual value: this channel, a stable id, none. */
  readonly sources?: readonly string[]
  readonly strengths?: readonly EventRecord['idStrength'][]
  readonly byteKeys?: readonly (Json | null)[]
  readonly headers?: readonly (readonly (readonly [string, Json])[])[]
  readonly properties?: readonly (Json | null)[]
  readonly positions?: readonly (EventRecord['position'] | null)[]
}

/** The columns of numbers, in this order; those of the positions follow, then those of the properties. */
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
  const positions = encodeObjects(records.map(({ record }) => record.position))
  const properties = encodeObjects(records.map(({ record }) => record.properties))
  const more = [...(positions?.numbers ?? []), ...(properties?.numbers ?? [])]
  const { numbers, bytes } = numberColumns(records.length, COLUMNS + more.length)
  const bodies: Uint8Array[] = [bytes]
  let bodyBytes = bytes.byteLength
  const texts = { ids: '', idempotencyKeys: '', keys: '' }
  for (let index = 0; index < records.length; index += 1) {
    const invoked = records[index] as InvokedRecord
    writeRow(numbers, records.length, index, invoked)
    const { id, key, body } = invoked.record
    texts.ids += id
    texts.idempotencyKeys += invoked.idempotencyKey
    if (typeof key === 'string') texts.keys += key
    if (body === null) continue
    bodies.push(body)
    bodyBytes += body.byteLength
  }
  for (const [column, values] of more.entries()) numbers.set(values, (COLUMNS + column) * records.length)
  const { requestId, mapping, channel, codec, hasSchema, order } = request
  const usual = { requestId, mapping, channel, codec, hasSchema, order, deadline, count: records.length }
  const columns: RequestHeader = {
    ...usual,
    ...texts,
    ...(positions ? { positionColumns: positions.columns } : {}),
    ...(properties ? { propertyColumns: properties.columns } : {}),
    ...(request.replayed ? { replayed: true as const } : {}),
    ...(request.stream ? { streams: 'yes' as const } : {}),
    ...unusualColumns(request),
    ...(positions ? {} : positionsOf(records)),
    ...(properties ? {} : propertiesOf(records)),
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
): void => {
  numbers[COLUMN.id * count + index] = record.id.length
  numbers[COLUMN.idempotencyKey * count + index] = idempotencyKey.length
  numbers[COLUMN.key * count + index] = typeof record.key === 'string' ? record.key.length : NO_TEXT
  numbers[COLUMN.body * count + index] = lengthOf(record.body)
  numbers[COLUMN.time * count + index] = record.time
  numbers[COLUMN.fence * count + index] = fence
  numbers[COLUMN.attempt * count + index] = attempt
}

const unusualColumns = ({ channel, records }: Request): Partial<RequestHeader> => {
  const columns: { -readonly [Name in keyof RequestHeader]?: RequestHeader[Name] } = {}
  for (const { record } of records) {
    if (record.source !== channel) columns.sources ??= records.map(r => r.record.source)
    if (record.idStrength === 'weak') columns.strengths ??= records.map(r => r.record.idStrength)
    if (record.key !== null && typeof record.key !== 'string') columns.byteKeys ??= records.map(byteKeyOf)
    if (record.headers.length > 0) columns.headers ??= records.map(r => headersToJson(r.record.headers))
  }
  return columns
}

const positionsOf = (records: readonly InvokedRecord[]): Pick<RequestHeader, 'positions'> =>
  records.some(({ record }) => record.position) ? { positions: records.map(each => each.record.position ?? null) } : {}

const propertiesOf = (records: readonly InvokedRecord[]): Pick<RequestHeader, 'properties'> =>
  records.some(({ record }) => record.properties)
    ? { properties: records.map(({ record }) => (record.properties ? valueToJson(record.properties) : null)) }
    : {}

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
  const header = JSON.parse(headerText) as RequestHeader
  const columns = COLUMNS + widthOf(header.positionColumns) + widthOf(header.propertyColumns)
  const bodies = region.subarray(bytesOfNumbers(header.count, columns))
  const { requestId, mapping, channel, codec, hasSchema, order, deadline } = header
  const records = readRecords(header, readNumbers(region, header.count, columns), bodies)
  return {
    request: {
      requestId,
      mapping,
      channel,
      codec,
      hasSchema,
      order,
      records,
      ...(header.replayed ? { replayed: true } : {}),
      ...(header.events ? { events: header.events } : {}),
    },
    deadline,
    streams: header.streams ?? 'no',
    // One scan and one conversion for all bodies instead of one for each.
    readText: lazily(() => (isAscii(bodies) ? wholeText(bodies) : checkedText)),
  }
}

/** Not where nobody reads text: a codec may take the bytes. */
const lazily = (make: () => ReadText): ReadText => {
  let made: ReadText | undefined
  return body => {
    made ??= make()
    return made(body)
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
  const positionAt = positionReader(header, numbers)
  const propertiesAt = propertyReader(header, numbers)
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
    const properties = propertiesAt(index)
    if (properties) record.properties = properties
    const position = positionAt(index)
    if (position) record.position = position
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

const positionReader = (header: RequestHeader, numbers: Float64Array): ((index: number) => EventRecord['position']) => {
  const { positionColumns, positions, count } = header
  if (!positionColumns) return index => positions?.[index] ?? undefined
  const read = objectReader(positionColumns, (column, index) => numbers[(COLUMNS + column) * count + index] as number)
  return index => read(index) as EventRecord['position']
}

const propertyReader = (
  header: RequestHeader,
  numbers: Float64Array,
): ((index: number) => EventRecord['properties']) => {
  const { positionColumns, propertyColumns, properties, count } = header
  if (propertyColumns) {
    const first = COLUMNS + widthOf(positionColumns)
    return objectReader(propertyColumns, (column, index) => numbers[(first + column) * count + index] as number)
  }
  return index => {
    const json = properties?.[index] ?? null
    return json === null ? undefined : (valueFromJson(json) as NonNullable<EventRecord['properties']>)
  }
}

const byteKey = (header: RequestHeader, index: number): Uint8Array | null => {
  const json = header.byteKeys?.[index] ?? null
  return json === null ? null : (valueFromJson(json) as Uint8Array)
}

const headersFromJson = (headers: readonly (readonly [string, Json])[]): EventRecord['headers'] =>
  headers.map(([name, value]) => [name, valueFromJson(value)] as const)
