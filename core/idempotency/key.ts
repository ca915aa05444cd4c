/** Keys and payloads as what a store keeps of them: hashes, taken when a key is claimed, whatever happens to the input later. */
import { hash } from 'node:crypto'
import { errorInfo } from '../errors.ts'
import { canonicalText } from './canonical.ts'
import { keyInvalid } from './problems.ts'

/** What may be a key: a text, a finite number or a boolean, or plain data made of them. */
export type IdempotencyKey =
  | string
  | number
  | boolean
  | Uint8Array
  | readonly unknown[]
  | { readonly [name: string]: unknown }

const SHOWN_CHARS = 80

/**
 * The key as stores have it, `consumer:hash`. Throws IDEMPOTENCY_KEY_INVALID for what is missing (undefined, null, an
 * empty text) or tells nothing for certain (NaN, a BigInt inside plain data, functions).
 */
export const storedKey = (consumer: string, key: unknown): string => {
  if (typeof key === 'string') {
    if (key === '') throw keyInvalid(consumer, 'is an empty text')
    return `${consumer}:${hash('sha256', JSON.stringify(key), 'base64url')}`
  }
  if (key === undefined || key === null) throw keyInvalid(consumer, `is ${key}`)
  const text = written(consumer, 'the idempotency key', key)
  checkKey(consumer, key)
  return `${consumer}:${hash('sha256', text, 'base64url')}`
}

/** Throws for what two different records could have in common by accident. */
const checkKey = (consumer: string, key: unknown): void => {
  if (typeof key === 'number' && !Number.isFinite(key)) throw keyInvalid(consumer, `is ${key}`)
  if (typeof key === 'bigint') throw keyInvalid(consumer, 'is a BigInt; write String(key)')
  if (typeof key !== 'object' || key === null || key instanceof Uint8Array) return
  const members = Object.values(key)
  if (members.length === 0 || members.every(member => member === undefined || member === null))
    throw keyInvalid(consumer, 'is an object in which nothing stands')
  for (const member of members) if (member !== undefined && member !== null) checkKey(consumer, member)
}

/** Tells payloads apart: 43 characters. Throws IDEMPOTENCY_KEY_INVALID for what has no text. */
export const fingerprintOf = (consumer: string, payload: unknown): string =>
  hash('sha256', written(consumer, 'the payload', payload), 'base64url')

const written = (consumer: string, what: string, value: unknown): string => {
  try {
    return canonicalText(value)
  } catch (thrown) {
    throw keyInvalid(consumer, `cannot be written: ${errorInfo(thrown).message}`, what)
  }
}

/** For messages and operators: a key as somebody wrote it, cut. */
export const shownKey = (key: unknown): string => {
  const text = typeof key === 'string' ? key : writtenOr(key)
  return text.length <= SHOWN_CHARS ? text : `${text.slice(0, SHOWN_CHARS)}…`
}

const writtenOr = (key: unknown): string => {
  try {
    return canonicalText(key)
  } catch {
    return typeof key
  }
}
