/** The records of a run: numbered, checkable, and some of them poison; everything follows from the number. */
import { crc32 } from 'node:zlib'

export interface Job {
  readonly n: number
  /** So that a body has some weight, and its bytes differ. */
  readonly pad: string
  /** CRC-32 of number and pad. */
  readonly check: number
  readonly fails?: true
}

export type JobKind = 'good' | 'fails' | 'no JSON'

const KEYS = 97
const PAD_BYTES = 200
/** Of so many records one always fails, and one is no JSON. */
const POISON_EVERY = 997

export const kindOf = (n: number): JobKind =>
  n % POISON_EVERY === 17 ? 'fails' : n % POISON_EVERY === 18 ? 'no JSON' : 'good'

export const keyOf = (n: number): string => `key-${n % KEYS}`

export const checkOf = (n: number, pad: string): number => crc32(`${n}:${pad}`)

export const bodyOf = (n: number): string => {
  const kind = kindOf(n)
  if (kind === 'no JSON') return `not JSON ${n}`
  const pad = padOf(n)
  const job: Job = { n, pad, check: checkOf(n, pad), ...(kind === 'fails' ? { fails: true } : {}) }
  return JSON.stringify(job)
}

/** Which record a parked body is, or undefined when it is not one of ours byte for byte. */
export const numberOf = (body: string): number | undefined => {
  const found = /^(?:not JSON |\{"n":)(\d+)/.exec(body)
  const n = Number(found?.[1])
  return found && bodyOf(n) === body ? n : undefined
}

/** How many of the first `records` are poison. */
export const poisonOf = (records: number): ReadonlySet<number> =>
  new Set(Array.from({ length: records }, (_, n) => n).filter(n => kindOf(n) !== 'good'))

const padOf = (n: number): string => {
  let text = ''
  for (let word = crc32(String(n)); text.length < PAD_BYTES; word = crc32(text)) text += word.toString(36)
  return text.slice(0, PAD_BYTES)
}
