/** Filters by what a record says: its headers, and fields of its body. Pure. */
import type { EventRecord, HeaderValue } from '../core/contract.ts'
import { valueToJson } from '../core/values.ts'
import type { FieldTest, HeaderTest, LetterFilter } from './store.ts'

export const looksInside = ({ headers = [], fields = [] }: LetterFilter): boolean => headers.length + fields.length > 0

/** Whether a record has all the headers and fields that a filter asks for. */
export const hasContent = (record: EventRecord, { headers = [], fields = [] }: LetterFilter): boolean => {
  if (!headers.every(test => hasHeader(record, test))) return false
  if (fields.length === 0) return true
  const data = jsonOf(record.body)
  return fields.every(test => hasField(data, test))
}

const hasHeader = ({ headers }: EventRecord, { name, value }: HeaderTest): boolean =>
  headers.some(([given, of]) => given === name && (value === undefined || textOf(of) === value))

/** Kafka's headers are bytes, and mostly text. */
const textOf = (value: HeaderValue): string => {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return new TextDecoder().decode(value)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '' : value.toISOString()
  return typeof value === 'object' && value !== null ? JSON.stringify(valueToJson(value)) : String(value)
}

const hasField = (data: unknown, { path, value }: FieldTest): boolean => {
  let found = data
  for (const name of path.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return false
    found = (found as Readonly<Record<string, unknown>>)[name]
  }
  return typeof found === 'string' ? found === value : JSON.stringify(found) === value
}

const jsonOf = (body: Uint8Array | null): unknown => {
  if (body === null) return undefined
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined
  }
}
