/** Idempotency keys as Redis has them, and back. Pure. */
import { randomBytes } from 'node:crypto'
import type { ClaimAnswer, ClaimWrite, KeyClaim, StoredKey } from '../../core/idempotency-store.ts'
import { ownerFromText } from '../../core/owner.ts'
import { HEAD_BYTES, MAX_LOT, MIDDLE_BYTES, NO_LOT } from './idempotency-scripts.ts'

/** Keys of one consumer are in one slot: a script may touch only those of one, in a Cluster. */
export const redisKey = (key: string): string => {
  const at = key.lastIndexOf(':')
  return `millrace:key:{${key.slice(0, at)}}${key.slice(at)}`
}

/** What names of lots begin with in which that key may be: they are in its slot. */
export const lotsOf = (key: string): string => `millrace:key:lot:{${key.slice(0, key.lastIndexOf(':'))}}:`

/** What is before the last colon, and that. */
export const slotOf = (key: string): string => key.slice(0, key.lastIndexOf(':') + 1)

/** Whether it is of that slot: what follows has no colon of its own. */
export const isOfSlot = (key: string, slot: string): boolean =>
  key.startsWith(slot) && key.indexOf(':', slot.length) < 0

const KIND = { complete: 'd', release: 'f', renew: 'r' } as const

/** Writes that one script does: of one owner, in one way, for one time. */
export const writeGroup = (write: ClaimWrite): string => `${KIND[write.kind]} ${millisecondsOf(write)} ${write.owner}`

export const writeValues = (write: ClaimWrite): readonly [owner: string, kind: string, ms: number] => [
  ownerValues(write.owner).toReversed().join(''),
  KIND[write.kind],
  millisecondsOf(write),
]

const millisecondsOf = (write: ClaimWrite): number =>
  Math.ceil(write.kind === 'complete' ? write.ttlMs : write.kind === 'renew' ? write.leaseMs : 0)

export const wantedValue = (write: ClaimWrite): string =>
  write.kind === 'complete'
    ? digits(write.fence, 16) + fingerprintValue(write.fingerprint) + write.result
    : digits(write.fence, 16)

const fingerprintValue = (fingerprint: string): string => digits(fingerprint.length, 2) + fingerprint

/** Of keys to claim; they have places where they are a lot. */
export const claimValues = (claims: readonly KeyClaim[], lotMs: number): readonly string[] =>
  claims.map(({ fingerprint }, index) => digits(lotMs > 0 ? index + 1 : 0, 4) + fingerprintValue(fingerprint))

/**
 * The owner as the scripts take it. Of a process its id: where it runs tells nobody on another machine anything, and would
 * be most of what is stored.
 */
export const ownerValues = (text: string): readonly [owner: string, bytes: string] => {
  const owner = ownerFromText(text)?.id ?? text
  return [owner, digits(Buffer.byteLength(owner), 4)]
}

/** The lot of keys that are claimed together, as the script takes it: a name that is nobody else's, and how long it is kept. */
export const lotValues = (count: number, ttlMs: number | undefined): readonly [lot: string, ttlMs: number] =>
  ttlMs === undefined || count < 2 || count > MAX_LOT
    ? [NO_LOT, 0]
    : [randomBytes(12).toString('base64url'), Math.ceil(ttlMs)]

/** One text where all have the same length in bytes, which a script cuts; otherwise each by itself. */
export const packed = (values: readonly string[]): readonly (string | number)[] => {
  const length = values[0]?.length ?? 0
  const text = values.join('')
  // ASCII has as many bytes as characters.
  if (length === 0 || values.some(value => value.length !== length) || Buffer.byteLength(text) !== text.length)
    return [0, ...values]
  return [length, text]
}

const ZEROS = '0000000000000000'

const digits = (value: number, count: number): string => {
  const text = String(Math.round(value))
  return text.length >= count ? text : ZEROS.slice(0, count - text.length) + text
}

/** What a lot says of a place whose key is done. */
export const DONE = 'd'

export interface Value {
  readonly state: StoredKey['state']
  readonly fence: number
  readonly leaseUntil: number
  /** Where it says whether a claimed one is done. */
  readonly lot: { readonly name: string; readonly place: number } | undefined
  readonly fingerprint: string
  readonly owner: string
  readonly result: string
}

const STATES: Readonly<Record<string, StoredKey['state']>> = { c: 'claimed', d: 'done', f: 'free' }

const MIDDLE = /^(?<lease>\d{13})\d{12}(?<lot>.{16})(?<place>\d{4})(?<length>\d{2})$/s

/** Undefined for what the scripts did not write. */
export const readValue = (value: Buffer): Value | undefined => {
  const head = value.toString('latin1', 0, HEAD_BYTES)
  const state = STATES[head.slice(0, 1)]
  if (!state || !/^.\d{20}$/.test(head)) return undefined
  const ownerEnd = HEAD_BYTES + Number(head.slice(17))
  const middleEnd = ownerEnd + MIDDLE_BYTES
  const { lease, lot = '', place, length } = MIDDLE.exec(value.toString('latin1', ownerEnd, middleEnd))?.groups ?? {}
  const fingerprintEnd = middleEnd + Number(length)
  if (!(fingerprintEnd <= value.length)) return undefined
  return {
    state,
    fence: Number(head.slice(1, 17)),
    leaseUntil: Number(lease),
    lot: Number(place) > 0 ? { name: lot, place: Number(place) } : undefined,
    owner: value.toString('utf8', HEAD_BYTES, ownerEnd),
    fingerprint: value.toString('utf8', middleEnd, fingerprintEnd),
    result: value.toString('utf8', fingerprintEnd),
  }
}

const UNREADABLE: ClaimAnswer = { kind: 'unreadable', problem: 'its value is not one that Millrace wrote' }

/** What the script replied, in the order of the keys. */
export const claimAnswers = ([fence, letters, ...more]: readonly Buffer[]): readonly ClaimAnswer[] => {
  const usual: ClaimAnswer = { kind: 'claimed', fence: Number(String(fence)) }
  const rest = more.values()
  const next = (): Buffer => rest.next().value ?? Buffer.alloc(0)
  return Array.from(String(letters), (letter): ClaimAnswer => {
    if (letter === 'c') return usual
    if (letter === 'C') return { kind: 'claimed', fence: Number(String(next())) }
    if (letter === 'b') return { kind: 'busy', leftMs: Number(String(next())) }
    const value = letter === 'd' ? readValue(next()) : undefined
    return value ? { kind: 'done', fingerprint: value.fingerprint, result: value.result } : UNREADABLE
  })
}
