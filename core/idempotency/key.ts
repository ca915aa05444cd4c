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
 * empty text, no bytes, plain data in which nothing stands) or tells nothing for certain (NaN, a BigInt, functions, promises).
 */
export const storedKey = (consumer: string, key: unknown): string => {
  if (typeof key === 'string') {
    if (key === '') throw keyInvalid(consumer, 'is an empty text')
    return `${consumer}:${hash('sha256', JSON.stringify(key), 'base64url')}`
  }
  if (key === undefined || key === null) throw keyInvalid(consumer, `is ${key}`)
  if (typeof key === 'number' && !Number.isFinite(key)) throw keyInvalid(consumer, `is ${key}`)
  if (typeof key === 'bigint') throw keyInvalid(consumer, 'is a BigInt; write String(key)')
  const text = written(consumer, 'the idempotency key', key)
  if (typeof key === 'object') checkInside(consumer, key, text)
  return `${consumer}:${hash('sha256', text, 'base64url')}`
}

/** Throws for what two different records could have in common by accident. */
const checkInside = (consumer: string, key: object, text: string): void => {
  if (key instanceof Uint8Array) {
    if (key.byteLength === 0) throw keyInvalid(consumer, 'is of no bytes')
    return
  }
  const inside = leavesIn(JSON.parse(text))
  const tag = inside.find(leaf => leaf === '$number' || leaf === '$bigint')
  if (tag !== undefined) throw keyInvalid(consumer, `has ${tag === '$bigint' ? 'a BigInt' : 'NaN or Infinity'} in it`)
  if (inside.length === 0) throw keyInvalid(consumer, 'is an object in which nothing stands')
}

/** What stands in a canonical text: of numbers that JSON lacks their tag, of anything else that it is there. */
const leavesIn = (json: unknown): readonly ('$number' | '$bigint' | 'there')[] => {
  if (json === null || json === '') return []
  if (typeof json !== 'object') return ['there']
  if (Array.isArray(json)) return json.flatMap(leavesIn)
  for (const tag of ['$number', '$bigint'] as const) if (Object.hasOwn(json, tag)) return [tag]
  if (Object.hasOwn(json, '$undefined')) return []
  const { $object } = json as { readonly $object?: object }
  return Object.values($object ?? json).flatMap(leavesIn)
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

/** For messages: a key as somebody wrote it, cut. */
export const shownKey = (key: unknown): string => {
  const text = typeof key === 'string' ? key : writtenOr(key)
  return text.length <= SHOWN_CHARS ? text : `${text.slice(0, SHOWN_CHARS).toWellFormed()}…`
}

/** For operators, who are to find it again: of one that is cut, as it is stored besides. */
export const shownWith = (key: unknown, stored: string): string => {
  const shown = shownKey(key)
  return shown.endsWith('…') ? `${shown} (${stored})` : shown
}

const writtenOr = (key: unknown): string => {
  try {
    return canonicalText(key)
  } catch {
    return typeof key
  }
}
