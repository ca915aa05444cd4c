/**
 * How a record stands in an element of a list.
 *
 *   format body     the body, and nothing else
 *   format record   {"millrace":1,"id":…,"time":…,"key":…,"headers":…,"properties":…} ⏎ the body's bytes
 *
 * Reading in format `record` takes what does not begin so for a body, so that a list may change over while it is in use.
 */
import type { EventRecord, Header, HeaderValue, OutgoingRecord } from '../../core/contract.ts'
import { headersFromText, headersToText, valueFromJson, valueToJson } from '../../core/values.ts'
import { plainBytes } from './record.ts'

export type ElementFormat = 'body' | 'record'

export interface ListPlace {
  readonly list: string
  /** `connection/list`. */
  readonly address: string
  readonly format: ElementFormat
}

/** What Millrace noted of an element when it was first claimed. */
export interface Claimed {
  /** The same for as long as Redis has the element; given by whoever claimed it first. */
  readonly id: string
  /** Milliseconds since the epoch, by the server's clock. */
  readonly firstSeen: number
}

export const recordOfElement = (place: ListPlace, { id, firstSeen }: Claimed, element: Uint8Array): EventRecord => {
  const common = {
    id,
    idStrength: 'stable' as const,
    source: place.address,
    time: firstSeen,
    position: { list: place.list },
  }
  const envelope = place.format === 'record' ? envelopeOf(element) : undefined
  if (envelope) return { ...common, ...envelope }
  return { ...common, key: null, headers: NO_HEADERS, body: plainBytes(element) }
}

/** Undefined for a tombstone in format `body`, which has no way to say it. */
export const elementOfRecord = (format: ElementFormat, record: OutgoingRecord): Uint8Array | undefined => {
  const { id, time, key = null, headers = [], properties, body } = record
  if (format === 'body') return body ?? undefined
  const head = JSON.stringify({
    [MARK]: FORMAT,
    ...(id === undefined ? {} : { id }),
    ...(time === undefined ? {} : { time: Math.round(time) }),
    ...(key === null ? {} : { key: valueToJson(key) }),
    ...(headers.length === 0 ? {} : { headers: headersToText(headers) }),
    ...(properties === undefined ? {} : { properties: headersToText(Object.entries(properties)) }),
    ...(body === null ? { tombstone: true } : {}),
  })
  return Buffer.concat([Buffer.from(`${head}\n`), body ?? EMPTY])
}

const MARK = 'millrace'
const FORMAT = 1
const BEGIN = Buffer.from(`{"${MARK}":${FORMAT}`)
const EMPTY = new Uint8Array()
const NO_HEADERS: readonly Header[] = Object.freeze([])

interface Head {
  readonly id?: string
  readonly time?: number
  readonly key?: Parameters<typeof valueFromJson>[0]
  readonly headers?: string
  readonly properties?: string
  readonly tombstone?: true
}

const envelopeOf = (element: Uint8Array) => {
  const bytes = Buffer.from(element.buffer, element.byteOffset, element.byteLength)
  const end = bytes.indexOf('\n')
  if (end < 0 || !bytes.subarray(0, BEGIN.length).equals(BEGIN)) return undefined
  const head = headOf(bytes.toString('utf8', 0, end))
  if (!head) return undefined
  const { id, time, key, headers, properties, tombstone } = head
  return {
    ...(id === undefined ? {} : { id }),
    ...(time === undefined ? {} : { time }),
    key: key === undefined ? null : (valueFromJson(key) as string | Uint8Array),
    headers: headersFromText(headers ?? ''),
    ...(properties === undefined ? {} : { properties: propertiesFromText(properties) }),
    body: tombstone ? null : plainBytes(bytes.subarray(end + 1)),
  }
}

/** Somebody's own JSON may begin like ours: it is a body then. */
const headOf = (text: string): Head | undefined => {
  try {
    return JSON.parse(text) as Head
  } catch {
    return undefined
  }
}

const propertiesFromText = (text: string): Readonly<Record<string, HeaderValue>> =>
  Object.fromEntries(headersFromText(text))
