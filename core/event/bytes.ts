/** Bytes and header values as the formats of others write them. */
import type { EventRecord, HeaderValue } from '../contract.ts'
import { errorInfo } from '../errors.ts'

export const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The empty string for a tombstone. */
export const base64Of = (bytes: Uint8Array | null): string => (bytes === null ? '' : asBuffer(bytes).toString('base64'))

export const bytesOf = (value: string | Uint8Array): Buffer =>
  typeof value === 'string' ? Buffer.from(value, 'utf8') : asBuffer(value)

/** Numbers from -128 to 127, as Java writes bytes and AWS therefore does. */
export const signedBytes = (bytes: Uint8Array): readonly number[] => [
  ...new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength),
]

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Undefined when the bytes are not UTF-8. */
export const utf8Of = (bytes: Uint8Array): string | undefined => {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** What is no such encoding stays as it is. */
export const percentDecoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** A body as a JSON value, or why it is none. Never throws. */
export const jsonOf = (body: Uint8Array): { readonly value: unknown } | { readonly problem: string } => {
  const text = utf8Of(body)
  if (text === undefined) return { problem: 'it is not UTF-8' }
  try {
    return { value: JSON.parse(text) }
  } catch (thrown) {
    return { problem: errorInfo(thrown).message }
  }
}

/** A header's value as text: bytes as UTF-8, what has parts as JSON. Undefined for bytes that are no text. */
export const headerText = (value: HeaderValue): string | undefined => {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return utf8Of(value)
  if (value === null) return ''
  if (value instanceof Date) return isoTime(value.getTime()) ?? ''
  return typeof value === 'object' ? JSON.stringify(plainValue(value)) : String(value)
}

/** For readers, who could not undo the marks that tell bytes and dates from text. */
const plainValue = (value: HeaderValue): unknown => {
  if (value instanceof Uint8Array) return utf8Of(value) ?? base64Of(value)
  if (value instanceof Date) return isoTime(value.getTime()) ?? null
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  return isList(value)
    ? value.map(plainValue)
    : Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plainValue(inner)]))
}

const isList = (value: HeaderValue): value is readonly HeaderValue[] => Array.isArray(value)

/** ISO 8601; undefined for what is no time between the years 0 and 9999, the only ones that can be written so. */
export const isoTime = (timeMs: number): string | undefined => {
  const date = new Date(timeMs)
  const year = date.getUTCFullYear()
  return year >= 0 && year <= 9_999 ? date.toISOString() : undefined
}

/** The key as text, base64 where its bytes are none. */
export const keyAsText = (key: EventRecord['key']): string | undefined =>
  key === null ? undefined : typeof key === 'string' ? key : (utf8Of(key) ?? base64Of(key))
