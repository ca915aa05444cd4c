/** The options that every way to idempotency has, checked. */
import { type Duration, formatDuration, parseDuration } from '../config/duration.ts'
import { shownKey } from './key.ts'
import type { KeepResult } from './result.ts'

export interface IdempotencyTimes {
  /** How long a key is remembered once it was processed. Default: `7d`. Longer than anything may come again. */
  readonly ttl?: Duration
  /**
   * How long a claim is believed in without a sign of life; it is renewed while the function runs. After a crash others
   * wait for so long.
   */
  readonly lease?: Duration
}

export interface IdempotencyPolicy {
  readonly ttlMs: number
  readonly leaseMs: number
  readonly result: KeepResult
  readonly onStoreError: OnStoreError
}

/** `fail`: nothing runs while the store cannot be asked. `run`: it runs, and a duplicate runs as well. */
export type OnStoreError = 'fail' | 'run'

export const DEFAULT_TTL: Duration = '7d'
export const DEFAULT_LEASE: Duration = '30s'

export const TTL_RANGE = { min: '1s', max: '3650d' } as const
export const LEASE_RANGE = { min: '50ms', max: '1d' } as const

/** Throws a TypeError that begins with `where` for times that are none. */
export const policyOf = (
  where: string,
  {
    ttl = DEFAULT_TTL,
    lease = DEFAULT_LEASE,
    result = 'keep',
    onStoreError = 'fail',
  }: IdempotencyTimes & { readonly result?: KeepResult; readonly onStoreError?: OnStoreError },
): IdempotencyPolicy => ({
  ttlMs: toMs(`${where}: ttl`, ttl, TTL_RANGE),
  leaseMs: toMs(`${where}: lease`, lease, LEASE_RANGE),
  result: oneOf(`${where}: result`, result, ['keep', 'none']),
  onStoreError: oneOf(`${where}: onStoreError`, onStoreError, ['fail', 'run']),
})

/** Throws a TypeError that begins with `where` for what is no duration of this range. */
export const toMs = (
  where: string,
  written: unknown,
  range: { readonly min: Duration; readonly max: Duration },
): number => {
  const ms = parseDuration(written)
  if (ms !== undefined && ms >= (parseDuration(range.min) ?? 0) && ms <= (parseDuration(range.max) ?? 0)) return ms
  throw new TypeError(
    `${where} must be a duration between ${range.min} and ${range.max}, like '${formatDuration(30_000)}', got ${shownKey(written)}`,
  )
}

export const oneOf = <Word extends string>(where: string, word: unknown, words: readonly Word[]): Word => {
  const known = words.find(each => each === word)
  if (known !== undefined) return known
  throw new TypeError(`${where} must be one of ${words.map(each => `'${each}'`).join(', ')}, got ${shownKey(word)}`)
}

/** Of whoever processes: part of what stores call a key. Throws a TypeError that begins with `where`. */
export const checkName = (where: string, name: unknown): void => {
  if (typeof name !== 'string' || !/^[\x21-\x7e]{1,150}$/.test(name))
    throw new TypeError(`${where}: name must be 1 to 150 printable characters without spaces, got ${shownKey(name)}`)
}
