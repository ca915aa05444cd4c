/**
 * How a record stands in the fields of a stream's entry.
 *
 *   of ours   millrace 1 · id · time · key or key-bytes · headers · properties · body     what is not there is left out
 *   foreign   any fields; the body is one of them (option `field`), or a JSON object of all
 *
 * Whoever writes the field `millrace` with 1 writes a record of ours; nothing else makes an entry one.
 */
import type { EventRecord, Header, HeaderValue, OutgoingRecord } from '../../core/contract.ts'
import { headersFromText, headersToText, valueToJson } from '../../core/values.ts'

export interface StreamPlace {
  readonly stream: string
  /** `connection/stream`. */
  readonly address: string
  /** The field of foreign entries that is the body. */
  readonly field: string | undefined
}

/** Names and values in turn, as Redis has them. */
export type Fields = readonly Uint8Array[]

const MARK = 'millrace'
const FORMAT = '1'

/** Throws for an entry that bears our mark and is none of ours. */
export const recordOfEntry = (place: StreamPlace, entryId: string, fields: Fields): EventRecord => {
  const common = {
    id: entryId,
    idStrength: 'stable' as const,
    source: place.address,
    time: timeOfEntry(entryId),
    position: { stream: place.stream, id: entryId },
  }
  const pairs = pairsOf(fields)
  const [first] = pairs
  if (first?.[0] === MARK && textOf(first[1]) === FORMAT) return { ...common, ...ownRecord(new Map(pairs)) }
  return { ...common, ...foreignRecord(pairs, place.field) }
}

/** Names and values in turn, for XADD. */
export const fieldsOfRecord = (record: OutgoingRecord): readonly (string | Uint8Array)[] => {
  const { id, time, key = null, headers = [], properties, body } = record
  const fields: (string | Uint8Array)[] = [MARK, FORMAT]
  if (id !== undefined) fields.push('id', id)
  if (time !== undefined) fields.push('time', String(Math.round(time)))
  if (typeof key === 'string') fields.push('key', key)
  else if (key !== null) fields.push('key-bytes', key)
  if (headers.length > 0) fields.push('headers', headersToText(headers))
  if (properties !== undefined) fields.push('properties', headersToText(Object.entries(properties)))
  if (body !== null) fields.push('body', body)
  return fields
}

/** Redis gives an entry the milliseconds at which it took it, unless the producer chose the id. */
export const timeOfEntry = (entryId: string): number => Number(entryId.split('-', 1)[0])

type Pair = readonly [name: string, value: Uint8Array]

const pairsOf = (fields: Fields): readonly Pair[] => {
  const pairs: Pair[] = []
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [name, value] = [fields[at], fields[at + 1]]
    if (name && value) pairs.push([textOf(name), plainBytes(value)])
  }
  return pairs
}

const ownRecord = (fields: ReadonlyMap<string, Uint8Array>) => {
  const text = (name: string): string | undefined => {
    const value = fields.get(name)
    return value && textOf(value)
  }
  const [id, time, properties] = [text('id'), text('time'), text('properties')]
  return {
    ...(id === undefined ? {} : { id }),
    ...(time === undefined ? {} : { time: Number(time) }),
    key: text('key') ?? fields.get('key-bytes') ?? null,
    headers: headersFromText(text('headers') ?? ''),
    ...(properties === undefined ? {} : { properties: propertiesFromText(properties) }),
    body: fields.get('body') ?? null,
  }
}

/** With `field`, an entry without it is a tombstone; of a repeated one the last counts, the others stay headers. */
const foreignRecord = (pairs: readonly Pair[], field: string | undefined) => {
  if (field === undefined) return { key: null, headers: NO_HEADERS, body: encoder.encode(jsonOf(pairs)) }
  const at = pairs.findLastIndex(([name]) => name === field)
  const headers = pairs.filter((_, index) => index !== at).map(([name, value]): Header => [name, textOrBytes(value)])
  return { key: null, headers, body: pairs[at]?.[1] ?? null }
}

const NO_HEADERS: readonly Header[] = Object.freeze([])

/** A name that stands more than once has a list of its values; a value that is no text is `{ "$bytes": base64 }`. */
const jsonOf = (pairs: readonly Pair[]): string => {
  const values = new Map<string, HeaderValue[]>()
  for (const [name, value] of pairs) values.set(name, [...(values.get(name) ?? []), textOrBytes(value)])
  return JSON.stringify(
    Object.fromEntries(
      [...values].map(([name, [first = null, ...more]]) => [
        name,
        valueToJson(more.length > 0 ? [first, ...more] : first),
      ]),
    ),
  )
}

const propertiesFromText = (text: string): Readonly<Record<string, HeaderValue>> =>
  Object.fromEntries(headersFromText(text))

const encoder = new TextEncoder()
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')

/** Text where the bytes are UTF-8, which is the same value written in a way that can be read; else the bytes. */
const textOrBytes = (bytes: Uint8Array): string | Uint8Array => {
  try {
    return utf8.decode(bytes)
  } catch {
    return bytes
  }
}

/** The same memory without Buffer's own methods, which read bytes differently from what a Uint8Array promises. */
export const plainBytes = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
