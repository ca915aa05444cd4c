/**
 * What a status says of a request, whatever the protocol:
 *
 *   2xx                      done, the answer counts
 *   429, 503                 no room: it comes again when Retry-After says, and nobody is charged
 *   3xx, 401 403 404 405 407 what is asked for is not there, or not for us: the function is not ready, nobody is charged
 *   anything else            the function, or what is before it, failed
 */
import type { FunctionError, Outcome } from '../contract.ts'
import { reportedError } from '../runtime-api/reported.ts'
import type { PostResult, RemoteResponse } from './connection.ts'

export type Answered =
  | { readonly kind: 'ok'; readonly response: RemoteResponse }
  | { readonly kind: 'failed'; readonly error: FunctionError }
  | Extract<Outcome, { readonly kind: 'not-ready' | 'throttled' | 'aborted' }>

export interface Asked {
  readonly functionName: string
  /** Without its query, which may hold a token. */
  readonly url: string
  /** Milliseconds since the epoch; for a Retry-After that is a date. */
  readonly now: number
  readonly maxBytes: number
}

const NOT_FOR_US: ReadonlySet<number> = new Set([401, 403, 404, 405, 407])
const NO_ROOM: ReadonlySet<number> = new Set([429, 503])
const TOO_LARGE = 413

/** Never throws. */
export const readResult = (result: PostResult, asked: Asked): Answered => {
  const where = `functions.${asked.functionName}: ${asked.url}`
  const notReady = (message: string): Answered => ({
    kind: 'not-ready',
    error: { name: 'FunctionUnreachable', code: 'FUNCTION_INIT_FAILED', message },
  })
  switch (result.kind) {
    case 'aborted':
      return { kind: 'aborted' }
    case 'unreachable':
      return notReady(`${where} cannot be reached: ${result.problem}. Check url, and whether the function runs there`)
    case 'broken':
      return failed(
        'FunctionCrashed',
        'FUNCTION_CRASHED',
        `${where} broke off while it had the request: ${result.problem}`,
      )
    case 'too-large':
      return failed(
        'FunctionAnswerTooLarge',
        'FUNCTION_ANSWER_TOO_LARGE',
        `${where} answered with more than ${asked.maxBytes} bytes (6 MB)`,
      )
    case 'response':
      return readStatus(result.response, asked, where, notReady)
  }
}

const readStatus = (
  response: RemoteResponse,
  { now }: Asked,
  where: string,
  notReady: (message: string) => Answered,
): Answered => {
  const { status, headers } = response
  if (status >= 200 && status < 300) return { kind: 'ok', response }
  if (status >= 300 && status < 400)
    return notReady(
      `${where} answered ${status}, to ${headers.location ?? 'nowhere'}; redirects are not followed: say that in url`,
    )
  if (NOT_FOR_US.has(status)) return notReady(`${where} answered ${status}${saidBy(response)}. Check url and headers`)
  if (NO_ROOM.has(status)) {
    const retryAfterMs = retryAfter(headers['retry-after'], now)
    return {
      kind: 'throttled',
      error: {
        name: 'FunctionThrottled',
        code: 'FUNCTION_THROTTLED',
        message: `${where} answered ${status}${saidBy(response)}`,
      },
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    }
  }
  const error = failureOf(response, where)
  return { kind: 'failed', error: status === TOO_LARGE ? { ...error, retryable: false } : error }
}

/** The error that the body of a failed request tells, as Lambda's `{ errorType, errorMessage, trace }` or in its own words. */
const failureOf = (response: RemoteResponse, where: string): FunctionError =>
  isErrorBody(response.body)
    ? reportedError({ type: '', body: response.body })
    : {
        name: `Http${response.status}`,
        code: 'FUNCTION_FAILED',
        message: `${where} answered ${response.status}${saidBy(response)}`,
      }

/** Whether a body is an error in Lambda's shape. */
export const isErrorBody = (body: Buffer): boolean => {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    if (typeof value !== 'object' || value === null) return false
    const { errorType, errorMessage } = value as { errorType?: unknown; errorMessage?: unknown }
    return typeof errorMessage === 'string' && (errorType === undefined || typeof errorType === 'string')
  } catch {
    // Not JSON: then it is no error in this shape.
    return false
  }
}

const SHOWN_CHARS = 200

const saidBy = ({ body }: RemoteResponse): string => {
  const text = body.toString('utf8').trim()
  if (text === '') return ''
  return `: ${JSON.stringify(text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text)}`
}

/** Longer than this nobody means it. */
const LONGEST_MS = 24 * 3_600_000

/** Seconds, or a date of HTTP, as milliseconds from now; undefined for what is neither. */
export const retryAfter = (value: string | undefined, now: number): number | undefined => {
  if (value === undefined) return undefined
  const seconds = /^\s*\d+\s*$/.test(value) ? Number(value) : undefined
  const ms = seconds === undefined ? Date.parse(value) - now : seconds * 1_000
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), LONGEST_MS) : undefined
}

const failed = (name: string, code: string, message: string): Answered => ({
  kind: 'failed',
  error: { name, code, message },
})
