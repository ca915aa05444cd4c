/**
 * What a function throws to say more than "try again". Recognised by name or code and not only by class, because a
 * function may carry a copy of this package of its own.
 */
import type { FunctionError } from '../engine/contract.ts'
import { errorInfo } from '../errors.ts'

/** Trying again cannot mend it: the record is parked at once. */
export class NotRetryable extends Error {
  override readonly name = 'NotRetryable'
  readonly code = 'NOT_RETRYABLE'
}

/** Try again, but not before a time has passed: what a downstream service asked for with Retry-After. */
export class RetryAfter extends Error {
  override readonly name = 'RetryAfter'
  readonly code = 'RETRY_AFTER'
  readonly retryAfterMs: number

  /** `wait` in milliseconds, or as a duration such as `30s`. Throws a TypeError when it is neither. */
  constructor(
    wait: number | RetryDuration,
    message = `try again after ${wait}`,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options)
    this.retryAfterMs = toMs(wait)
  }
}

export type RetryDuration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

const toMs = (wait: number | RetryDuration): number => {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(typeof wait === 'number' ? `${wait}ms` : wait) ?? []
  const unitMs = UNIT_MS[unit ?? '']
  if (amount === undefined || unitMs === undefined)
    throw new TypeError(`RetryAfter: expected milliseconds or a duration such as "30s", got ${JSON.stringify(wait)}`)
  return Math.round(Number(amount) * unitMs)
}

const MAX_MESSAGE_CHARS = 8_192
const MAX_STACK_CHARS = 16_384

/** Whatever a function threw, as bounded data. Never throws. */
export const functionError = (thrown: unknown): FunctionError => {
  const info = errorInfo(thrown)
  const retryAfterMs = readNumber(thrown, 'retryAfterMs')
  return {
    name: cut(info.name, MAX_MESSAGE_CHARS),
    message: cut(info.message, MAX_MESSAGE_CHARS),
    ...(info.code === undefined ? {} : { code: cut(info.code, MAX_MESSAGE_CHARS) }),
    ...(info.stack === undefined ? {} : { stack: cut(info.stack, MAX_STACK_CHARS) }),
    ...(isNotRetryable(info) ? { retryable: false } : {}),
    ...(isNamed(info, 'RetryAfter', 'RETRY_AFTER') && retryAfterMs !== undefined ? { retryAfterMs } : {}),
  }
}

/** What trying again cannot mend, of what is thrown inside a handler. */
const NOT_RETRYABLE: ReadonlySet<string> = new Set([
  'NOT_RETRYABLE',
  'IDEMPOTENCY_KEY_INVALID',
  'IDEMPOTENCY_PAYLOAD_DIFFERS',
  'IDEMPOTENCY_RESULT_INVALID',
])
/** What says nothing of the record: it is to come again, and costs it no attempt. */
const UNTRIED: ReadonlySet<string> = new Set([
  'IDEMPOTENCY_IN_PROGRESS',
  'IDEMPOTENCY_LEASE_LOST',
  'IDEMPOTENCY_STORE_FAILED',
])

const isNotRetryable = ({ name, code = '' }: { name: string; code?: string }): boolean =>
  name === 'NotRetryable' || NOT_RETRYABLE.has(code)

export const isUntried = (code: string | undefined): boolean => code !== undefined && UNTRIED.has(code)

const isNamed = (info: { name: string; code?: string }, name: string, code: string): boolean =>
  info.name === name || info.code === code

const readNumber = (thrown: unknown, field: string): number | undefined => {
  try {
    const value = (thrown as Record<string, unknown> | null | undefined)?.[field]
    return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
  } catch {
    // A getter that throws has told nothing: the error itself is reported all the same.
    return undefined
  }
}

const cut = (text: string, chars: number): string =>
  text.length <= chars ? text : `${text.slice(0, chars)}… (${text.length - chars} more characters)`
