/** Headers on their way out. Kafka knows bytes only; a name that stands more than once keeps its values in order. */
import type { Header, HeaderValue } from '../../core/contract.ts'
import { valueToJson } from '../../core/values.ts'

/** kafkajs takes one name once, with a list of values; an empty value stands for null, which it cannot send. */
export const headersOut = (headers: readonly Header[]): Record<string, Buffer | Buffer[]> => {
  const values = new Map<string, Buffer[]>()
  for (const [name, value] of headers) values.set(name, [...(values.get(name) ?? []), headerBytes(value)])
  return Object.fromEntries(
    [...values].map(([name, [first = EMPTY, ...more]]) => [name, more.length > 0 ? [first, ...more] : first]),
  )
}

const EMPTY = Buffer.alloc(0)

const headerBytes = (value: HeaderValue): Buffer => {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return Buffer.from(headerText(value))
}

const headerText = (value: Exclude<HeaderValue, Uint8Array>): string => {
  if (value === null) return ''
  if (typeof value === 'object' && !(value instanceof Date)) return JSON.stringify(valueToJson(value))
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : String(value)
}
