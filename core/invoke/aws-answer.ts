/** What came of an invocation, in the form of AWS's Invoke API: what a function did wrong is status 200, with a header. */
import type { ErrorInfo } from '../contract.ts'
import type { Report, Throttled } from '../engine/contract.ts'
import { endLines, startLine } from '../engine/report-lines.ts'
import type { Asked } from './aws-request.ts'
import type { InvokeAnswer } from './direct.ts'

export interface AwsAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** JSON; the empty text for none. */
  readonly body: string
}

/** AWS's limit of an event that somebody waits for, and of one that nobody does. */
export const MAX_EVENT_BYTES = 6 * 1_048_576

export const TOO_LARGE = (limitBytes = MAX_EVENT_BYTES): AwsAnswer =>
  failure(
    413,
    'RequestTooLargeException',
    `Request must be smaller than ${limitBytes} bytes for the InvokeFunction operation`,
  )

/** An error of the call itself. `Service`: coming again may help. */
export const failure = (
  status: number,
  type: string,
  message: string,
  more: { readonly headers?: Readonly<Record<string, string>>; readonly body?: Readonly<Record<string, string>> } = {},
): AwsAnswer => ({
  status,
  headers: { 'Content-Type': 'application/json', 'x-amzn-ErrorType': type, ...more.headers },
  // Clients of AWS look for either.
  body: JSON.stringify({ Type: status < 500 ? 'User' : 'Service', message, Message: message, ...more.body }),
})

/** The event is durable. */
export const QUEUED: AwsAnswer = { status: 202, headers: {}, body: '' }

export const DRY: AwsAnswer = { status: 204, headers: {}, body: '' }

export const answerOf = (answer: InvokeAnswer, requestId: string, logs: Asked['logs']): AwsAnswer => {
  switch (answer.kind) {
    case 'answered':
      return { status: 200, headers: reportHeaders(answer.report, requestId, logs), body: JSON.stringify(answer.value) }
    case 'failed':
    case 'not-ready':
      return {
        status: 200,
        headers: { ...reportHeaders(answer.report, requestId, logs), 'X-Amz-Function-Error': 'Unhandled' },
        body: JSON.stringify(errorBody(answer.error)),
      }
    case 'invalid':
      return failure(
        400,
        'InvalidRequestContentException',
        `Could not parse request body into json: ${answer.error.message}`,
      )
    case 'throttled':
      return tooMany(answer.throttled)
    case 'aborted':
      return failure(503, 'ServiceException', 'The function was stopped before it answered')
  }
}

const reportHeaders = (report: Report, requestId: string, logs: Asked['logs']): Readonly<Record<string, string>> => ({
  'Content-Type': 'application/json',
  'X-Amz-Executed-Version': report.version,
  ...(logs === 'tail' ? { 'X-Amz-Log-Result': logTail(report, requestId) } : {}),
})

const TAIL_BYTES = 4_096

const logTail = (report: Report, requestId: string): string => {
  const lines = [startLine(requestId, report.version), ...report.logs, ...endLines(requestId, report)]
  return Buffer.from(`${lines.join('\n')}\n`)
    .subarray(-TAIL_BYTES)
    .toString('base64')
}

/** What Lambda calls what the engine, and not the function, has found. */
const TYPES: Readonly<Record<string, string>> = {
  FUNCTION_TIMEOUT: 'Sandbox.Timedout',
  FUNCTION_CRASHED: 'Runtime.ExitError',
  FUNCTION_OUT_OF_MEMORY: 'Runtime.OutOfMemory',
  FUNCTION_ANSWER_TOO_LARGE: 'Function.ResponseSizeTooLarge',
  FUNCTION_ANSWER_INVALID: 'Runtime.MarshalError',
  FUNCTION_NOT_FOUND: 'Runtime.HandlerNotFound',
}

const errorBody = ({ name, message, code, stack }: ErrorInfo) => ({
  errorType: TYPES[code ?? ''] ?? name,
  errorMessage: message,
  ...(stack === undefined ? {} : { trace: stack.split('\n') }),
})

const REASONS: Readonly<Record<Exclude<Throttled['throttled'], 'closed'>, string>> = {
  function: 'ReservedFunctionConcurrentInvocationLimitExceeded',
  app: 'ConcurrentInvocationLimitExceeded',
  ramp: 'FunctionInvocationRateLimitExceeded',
}

const tooMany = ({ throttled, message, retryAfterMs }: Throttled): AwsAnswer => {
  const retryAfterSeconds = String(Math.ceil(retryAfterMs / 1_000))
  const headers = { 'Retry-After': retryAfterSeconds }
  if (throttled === 'closed') return failure(503, 'ServiceException', message, { headers })
  const body = { Reason: REASONS[throttled], retryAfterSeconds }
  return failure(429, 'TooManyRequestsException', message, { headers, body })
}
