/** Idempotency keys as Redis has them, and back. Pure. */
import type { ClaimAnswer, ClaimWrite, StoredKey } from '../../core/idempotency-store.ts'
import { HEAD_BYTES } from './idempotency-scripts.ts'

/** Keys of one consumer are in one slot: a script may touch only those of one, in a Cluster. */
export const redisKey = (key: string): string => {
  const at = key.lastIndexOf(':')
  return `millrace:idempotency:{${key.slice(0, at)}}:${key.slice(at + 1)}`
}

export const slotOf = (key: string): string => key.slice(0, key.lastIndexOf(':'))

const KIND = { complete: 'd', release: 'f', renew: 'r' } as const

export const wantedValue = (write: ClaimWrite, ownerBytes: number): string => {
  const { kind, owner, fence } = write
  const ms = kind === 'complete' ? write.ttlMs : kind === 'renew' ? write.leaseMs : 0
  const [fingerprint, result] = kind === 'complete' ? [write.fingerprint, write.result] : ['', '']
  const lengths = digits(fingerprint.length, 2) + digits(ownerBytes, 4)
  return `${KIND[kind]}${digits(fence, 16)}${digits(ms, 13)}${lengths}${fingerprint}${owner}${result}`
}

const digits = (value: number, count: number): string => Math.round(value).toFixed(0).padStart(count, '0')

interface Value {
  readonly state: StoredKey['state']
  readonly fence: number
  readonly leaseUntil: number
  readonly fingerprint: string
  readonly owner: string
  readonly result: string
}

const STATES: Readonly<Record<string, StoredKey['state']>> = { c: 'claimed', d: 'done', f: 'free' }

/** Undefined for what the scripts did not write. */
export const readValue = (value: Buffer): Value | undefined => {
  const head = value.toString('latin1', 0, HEAD_BYTES)
  const state = STATES[head.slice(0, 1)]
  if (!state || !/^.\d{35}$/.test(head)) return undefined
  const fingerprintEnd = HEAD_BYTES + Number(head.slice(30, 32))
  const ownerEnd = fingerprintEnd + Number(head.slice(32, 36))
  return {
    state,
    fence: Number(head.slice(1, 17)),
    leaseUntil: Number(head.slice(17, 30)),
    fingerprint: value.toString('utf8', HEAD_BYTES, fingerprintEnd),
    owner: value.toString('utf8', fingerprintEnd, ownerEnd),
    result: value.toString('utf8', ownerEnd),
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
