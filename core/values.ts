/** Keys, headers and bodies as JSON and back without loss: what stores and frames are written with. */
import type { EventRecord, Header, HeaderValue } from './contract.ts'

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

const TAGS = { bytes: '$bytes', bigint: '$bigint', date: '$date', number: '$number', object: '$object' } as const

/** A header value as JSON: what JSON lacks becomes an object with one tagged name. */
export const valueToJson = (value: HeaderValue): Json => {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number')
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : { [TAGS.number]: Object.is(value, -0) ? '-0' : String(value) }
  if (typeof value === 'bigint') return { [TAGS.bigint]: String(value) }
  if (value instanceof Uint8Array) return { [TAGS.bytes]: toBase64(value) }
  if (value instanceof Date) return { [TAGS.date]: Number.isNaN(value.getTime()) ? null : value.getTime() }
  if (isList(value)) return value.map(valueToJson)
  const entries = Object.entries(value).map(([name, inner]) => [name, valueToJson(inner)] as const)
  const plain = Object.fromEntries(entries)
  return entries.some(([name]) => name.startsWith('$')) ? { [TAGS.object]: plain } : plain
}

/** The inverse of {@link valueToJson}. */
export const valueFromJson = (json: Json): HeaderValue => {
  if (json === null || typeof json !== 'object') return json
  if (isList(json)) return json.map(valueFromJson)
  const tagged = json as { readonly [name: string]: Json }
  if (TAGS.bytes in tagged) return fromBase64(String(tagged[TAGS.bytes]))
  if (TAGS.bigint in tagged) return BigInt(String(tagged[TAGS.bigint]))
  if (TAGS.date in tagged) return new Date(tagged[TAGS.date] === null ? Number.NaN : Number(tagged[TAGS.date]))
  if (TAGS.number in tagged) return Number(tagged[TAGS.number])
  const plain = (tagged[TAGS.object] ?? tagged) as { readonly [name: string]: Json }
  return Object.fromEntries(Object.entries(plain).map(([name, inner]) => [name, valueFromJson(inner)]))
}

/** Headers as JSON text; the empty string for none, which is the common case and costs nothing to store. */
export const headersToText = (headers: readonly Header[]): string =>
  headers.length === 0 ? '' : JSON.stringify(headers.map(([name, value]) => [name, valueToJson(value)]))

/** The inverse of {@link headersToText}. */
export const headersFromText = (text: string): readonly Header[] =>
  text === '' ? NO_HEADERS : (JSON.parse(text) as [string, Json][]).map(([name, json]) => [name, valueFromJson(json)])

const NO_HEADERS: readonly Header[] = Object.freeze([])

/** The last value of a header with this name, which is the one that counts where a name is repeated. */
export const lastHeader = (record: Pick<EventRecord, 'headers'>, name: string): HeaderValue | undefined =>
  record.headers.findLast(([candidate]) => candidate === name)?.[1]

/** A key as text that tells any two keys apart, bytes from text included; null for no key. */
export const keyText = (key: EventRecord['key']): string | null =>
  key === null ? null : typeof key === 'string' ? `s:${key}` : `b:${toBase64(key)}`

const isList = (value: unknown): value is readonly never[] => Array.isArray(value)

const toBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))
