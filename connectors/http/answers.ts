/** What callers are told without the function's help; never why it failed, which stands in the log. */

import type { MillraceError } from '../../core/errors.ts'
import type { AnswerHead } from '../../core/request-contract.ts'

export interface Answer extends AnswerHead {
  readonly body: string | Uint8Array
}

const JSON_TYPE = ['content-type', 'application/json'] as const

export const problem = (
  status: number,
  body: { readonly message: string; readonly [member: string]: unknown },
  headers: AnswerHead['headers'] = [],
): Answer => ({ status, headers: [JSON_TYPE, ...headers], body: JSON.stringify(body) })

export const INTERNAL_ERROR = problem(500, { message: 'Internal Server Error' })
export const BAD_GATEWAY = problem(502, { message: 'Bad Gateway' })
export const TIMED_OUT = problem(504, { message: 'Gateway Timeout' })
export const NOT_FOUND = problem(404, { message: 'Not Found' })
export const TOO_LARGE = problem(413, { message: 'Content Too Large' })
export const BAD_URL = problem(400, {
  message: 'Bad Request',
  detail: 'the path is not percent-encoded as it should be',
})

/** `delayMs`: when it is worth to come again; told in whole seconds, at least one. */
export const unavailable = (delayMs: number): Answer =>
  problem(503, { message: 'Service Unavailable' }, [['retry-after', String(Math.max(1, Math.ceil(delayMs / 1_000)))]])

export const notAllowed = (methods: readonly string[]): Answer =>
  problem(405, { message: 'Method Not Allowed' }, [['allow', methods.join(', ')]])

export const unsupported = (got: string | undefined, expected: readonly string[]): Answer =>
  problem(415, {
    message: 'Unsupported Media Type',
    detail: `expected content-type ${expected.join(' or ')}, got ${got === undefined ? 'none' : JSON.stringify(got)}`,
  })

export const badRequest = (detail: string): Answer => problem(400, { message: 'Bad Request', detail })

export const unauthorized = (detail: string): Answer => problem(401, { message: 'Unauthorized', detail })

/** Of a body that codec or schema refused. */
export const badBody = ({ message, issues = [] }: MillraceError): Answer =>
  problem(400, {
    message: 'Bad Request',
    detail: message,
    ...(issues.length > 0 ? { issues } : {}),
  })

/** For a request whose function failed, or whose body was refused. */
export const answerTo = (reason: MillraceError): Answer => {
  switch (reason.code) {
    case 'RECORD_UNDECODABLE':
    case 'RECORD_INVALID':
      return badBody(reason)
    case 'FUNCTION_TIMEOUT':
      return TIMED_OUT
    case 'FUNCTION_ANSWER_TOO_LARGE':
      return BAD_GATEWAY
    default:
      return INTERNAL_ERROR
  }
}
