/** Records on their way out: encoded with the channel's codec and checked against its schema before anything is sent. */
import type { Channel, Codec } from '../config/channel.ts'
import type { Header, OutgoingRecord } from '../contract.ts'
import { errorInfo, MillraceError } from '../errors.ts'
import type { SendRecord } from '../function/context.ts'
import { decoderOf } from './decode.ts'
import { checkedText } from './text.ts'

const FIELDS = ['data', 'key', 'headers', 'id', 'time', 'delayMs'] as const

/**
 * Rejects with SEND_INVALID, naming the record's index, its field and what was expected, and then nothing was sent. The
 * schema is asked about what a receiver will see, the decoded bytes: a Date in a JSON body is refused here, not there.
 */
export const encodeRecords = async <Output, Input>(
  channel: Channel<Output, Input>,
  records: readonly SendRecord<Input>[],
): Promise<OutgoingRecord[]> => {
  if (!Array.isArray(records)) throw invalid(channel, '', 'expected a list of records', records)
  return Promise.all(records.map((record, index) => encodeRecord(channel, record, `records[${index}]`)))
}

const encodeRecord = async (channel: Channel, record: SendRecord<unknown>, where: string): Promise<OutgoingRecord> => {
  if (typeof record !== 'object' || record === null)
    throw invalid(channel, where, 'expected { data, key?, headers?, id?, time?, delayMs? }', record)
  checkFields(channel, record, where)
  const body = await encodeBody(channel, record.data, where)
  return {
    body,
    ...(record.key === undefined ? {} : { key: record.key }),
    ...(record.headers === undefined ? {} : { headers: headersOf(record.headers) }),
    ...(record.id === undefined ? {} : { id: record.id }),
    ...(record.time === undefined ? {} : { time: record.time }),
    ...(record.delayMs === undefined ? {} : { delayMs: record.delayMs }),
  }
}

const headersOf = (headers: NonNullable<SendRecord['headers']>): readonly Header[] =>
  isList(headers) ? headers : Object.entries(headers)

const isList = (headers: NonNullable<SendRecord['headers']>): headers is readonly Header[] => Array.isArray(headers)

const checkFields = (channel: Channel, record: SendRecord, where: string): void => {
  const { key, headers, id, time, delayMs } = record
  const unknown = Object.keys(record).find(field => !(FIELDS as readonly string[]).includes(field))
  if (unknown !== undefined)
    throw invalid(channel, `${where}.${unknown}`, `is not a field of a record; expected one of ${FIELDS.join(', ')}`)
  if (!('data' in record)) throw invalid(channel, `${where}.data`, 'is missing')
  if (key !== undefined && key !== null && typeof key !== 'string' && !(key instanceof Uint8Array))
    throw invalid(channel, `${where}.key`, 'expected a string, bytes or null', key)
  if (headers !== undefined && (typeof headers !== 'object' || headers === null))
    throw invalid(channel, `${where}.headers`, 'expected an object or a list of [name, value]', headers)
  if (headers !== undefined && headersOf(headers).some(header => !isHeader(header)))
    throw invalid(channel, `${where}.headers`, 'expected every header to be [name, value] with a name of text', headers)
  if (id !== undefined && (typeof id !== 'string' || id === ''))
    throw invalid(channel, `${where}.id`, 'expected text that is not empty', id)
  if (time !== undefined && !Number.isFinite(time))
    throw invalid(channel, `${where}.time`, 'expected milliseconds since the epoch', time)
  if (delayMs !== undefined && !(Number.isFinite(delayMs) && delayMs >= 0))
    throw invalid(channel, `${where}.delayMs`, 'expected milliseconds, 0 or more', delayMs)
}

const isHeader = (header: unknown): boolean =>
  Array.isArray(header) && header.length === 2 && typeof header[0] === 'string' && header[1] !== undefined

const encodeBody = async (channel: Channel, data: unknown, where: string): Promise<Uint8Array> => {
  const body = await encodeData(channel, data, `${where}.data`)
  if (!channel.schema) return body
  const decoded = await decoderOf(channel)(body, checkedText)
  if (decoded.verdict)
    throw new MillraceError(
      'SEND_INVALID',
      `send to ${channel.address}: ${where}.data does not fit the channel: ${decoded.error.message}`,
    )
  return body
}

const encodeData = async (channel: Channel, data: unknown, where: string): Promise<Uint8Array> => {
  const { codec } = channel
  if (codec === 'json') return encodeJson(channel, data, where)
  if (codec === 'text') {
    if (typeof data !== 'string') throw invalid(channel, where, "expected text, as the channel's codec is 'text'", data)
    return Buffer.from(data, 'utf8')
  }
  if (codec === 'bytes') return expectBytes(channel, data, where, "the channel's codec is 'bytes'")
  return expectBytes(channel, await encodeCustom(channel, codec, data, where), where, 'encode has to return them')
}

const encodeJson = (channel: Channel, data: unknown, where: string): Uint8Array => {
  let text: string | undefined
  try {
    text = JSON.stringify(data)
  } catch (thrown) {
    throw invalid(channel, where, `cannot be written as JSON: ${errorInfo(thrown).message}`)
  }
  if (text === undefined) throw invalid(channel, where, 'expected a value that JSON can carry', data)
  return Buffer.from(text, 'utf8')
}

const encodeCustom = async (channel: Channel, codec: Codec, data: unknown, where: string): Promise<unknown> => {
  try {
    return await codec.encode(data)
  } catch (thrown) {
    throw invalid(channel, where, `the channel's codec threw: ${errorInfo(thrown).message}`)
  }
}

const expectBytes = (channel: Channel, data: unknown, where: string, why: string): Uint8Array => {
  if (data instanceof Uint8Array) return data
  throw invalid(channel, where, `expected bytes (a Uint8Array): ${why}`, data)
}

const invalid = (channel: Channel, where: string, problem: string, ...got: readonly unknown[]): MillraceError =>
  new MillraceError(
    'SEND_INVALID',
    `send to ${channel.address}: ${where === '' ? 'records' : where} ${problem}${got.length > 0 ? `, got ${show(got[0])}` : ''}`,
  )

const MAX_SHOWN_CHARS = 80

const show = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return String(value).slice(0, MAX_SHOWN_CHARS)
  return Array.isArray(value) ? 'a list' : 'an object'
}
