/** Header values as amqplib writes and reads AMQP's tables, and as records have them. */
import type { HeaderValue } from '../../core/contract.ts'

/** What amqplib takes for a value whose AMQP type it would not guess, and gives for one JavaScript has no type for. */
interface Tagged {
  readonly '!': string
  readonly value: unknown
}

export type AmqpValue = string | number | boolean | null | Buffer | Tagged | readonly AmqpValue[] | AmqpTable
export interface AmqpTable {
  readonly [name: string]: AmqpValue
}

const LONG = { min: -(2n ** 63n), max: 2n ** 63n - 1n }
/** The last second that a Date can hold. */
export const LAST_SECOND = 8_640_000_000_000

/**
 * What AMQP has no type for becomes text: integers beyond 64 bits, times before 1970 or with milliseconds, and numbers that
 * are none or infinite. Everything else comes back as it is.
 */
export const valueOut = (value: HeaderValue): AmqpValue => {
  if (typeof value === 'number') return numberOut(value)
  if (typeof value === 'bigint') return value >= LONG.min && value <= LONG.max ? { '!': 'int64', value } : String(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (value instanceof Date) return dateOut(value)
  if (isList(value)) return value.map(valueOut)
  return isDecimal(value) ? (value as unknown as Tagged) : tableOut(Object.entries(value))
}

/** amqplib takes an own property `!` for a type; an inherited one it writes as any other. */
export const tableOut = (entries: readonly (readonly [string, HeaderValue])[]): AmqpTable => {
  const written = entries.map(([name, value]) => [name, valueOut(value)] as const)
  const exclamation = written.filter(([name]) => name === '!')
  const others = Object.fromEntries(written.filter(([name]) => name !== '!'))
  return exclamation.length === 0 ? others : Object.assign(Object.create(Object.fromEntries(exclamation)), others)
}

/** amqplib guesses integers, and throws for what is neither one nor small; RabbitMQ ends the connection for infinity. */
const numberOut = (value: number): AmqpValue => {
  if (!Number.isFinite(value)) return String(value)
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : { '!': 'double', value }
}

const dateOut = (date: Date): AmqpValue => {
  const seconds = date.getTime() / 1_000
  if (Number.isInteger(seconds) && seconds >= 0) return { '!': 'timestamp', value: seconds }
  return Number.isNaN(seconds) ? 'Invalid Date' : date.toISOString()
}

/** The only AMQP type beside times that amqplib gives with its name; JavaScript has none like it. */
const isDecimal = (value: { readonly [name: string]: HeaderValue }): boolean => {
  const { '!': type, value: decimal } = value
  return type === 'decimal' && typeof decimal === 'object' && decimal !== null && Object.hasOwn(decimal, 'digits')
}

/** What amqplib read; a time beyond what a Date can hold stays the number of seconds it is. */
export const valueIn = (value: unknown): HeaderValue => {
  if (value instanceof Uint8Array) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  if (Array.isArray(value)) return value.map(valueIn)
  if (typeof value !== 'object' || value === null) return value as HeaderValue
  const { '!': type, value: inner } = value as Partial<Tagged>
  if (type === 'timestamp' && typeof inner === 'number') return inner <= LAST_SECOND ? new Date(inner * 1_000) : inner
  if (type === 'decimal') return value as HeaderValue
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, valueIn(each)]))
}

const isList = (value: HeaderValue): value is readonly HeaderValue[] => Array.isArray(value)
