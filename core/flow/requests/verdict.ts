/** What becomes of a request: a pure function of what its invocation came to. There is no second try. */
import type { Outcome } from '../../engine/contract.ts'
import { type ErrorCode, MillraceError } from '../../errors.ts'

export type RequestVerdict =
  | { readonly kind: 'answered'; readonly value: unknown }
  /** The function had it, and there is no answer of it. `proof`: whether that says something of the function's health. */
  | { readonly kind: 'failed'; readonly reason: MillraceError; readonly proof: 'failure' | 'decision' }
  /** Nothing was tried, or the function asks for another time. */
  | { readonly kind: 'later'; readonly delayMs: number | undefined; readonly error: MillraceError | undefined }

/** Failures that callers are told apart by; all others are one. */
const TOLD: ReadonlySet<string> = new Set<ErrorCode>([
  'FUNCTION_TIMEOUT',
  'FUNCTION_ANSWER_INVALID',
  'FUNCTION_ANSWER_TOO_LARGE',
  'RECORD_UNDECODABLE',
  'RECORD_INVALID',
])

export const requestVerdict = (outcome: Outcome): RequestVerdict => {
  switch (outcome.kind) {
    case 'aborted':
      return { kind: 'later', delayMs: undefined, error: undefined }
    case 'not-ready':
      return {
        kind: 'later',
        delayMs: undefined,
        error: new MillraceError('FUNCTION_INIT_FAILED', outcome.error.message),
      }
    case 'throttled':
      return {
        kind: 'later',
        delayMs: outcome.retryAfterMs,
        error: new MillraceError('FUNCTION_THROTTLED', outcome.error.message),
      }
    case 'answered': {
      const [refused] = outcome.refused
      return refused
        ? { kind: 'failed', reason: errorOf(refused.error), proof: 'decision' }
        : { kind: 'answered', value: outcome.value }
    }
    case 'failed': {
      const { retryAfterMs, retryable } = outcome.error
      const reason = errorOf(outcome.error)
      return retryAfterMs === undefined
        ? { kind: 'failed', reason, proof: retryable === false ? 'decision' : 'failure' }
        : { kind: 'later', delayMs: retryAfterMs, error: reason }
    }
  }
}

const errorOf = ({ name, message, code }: { name: string; message: string; code?: string }): MillraceError =>
  new MillraceError(
    code !== undefined && TOLD.has(code) ? (code as ErrorCode) : 'FUNCTION_FAILED',
    `${name}: ${message}`,
  )
