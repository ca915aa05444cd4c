/** What destinations of asynchronous invocations are sent: AWS's invocation record, or the answer itself. Pure. */
import type { DeadLetter, ErrorInfo, Header, OutgoingRecord } from '../contract.ts'
import type { Invocation, Report } from '../engine/contract.ts'
import { arnOf } from '../event/lambda/arn.ts'

export type AnswerFormat = 'lambda' | 'millrace'

export interface Answered {
  readonly functionName: string
  readonly invocation: Invocation
  readonly report: Report
  /** As JSON carries it; null for nothing. */
  readonly value: unknown
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** The record keeps the id of its event, so that whoever gets it twice can tell. */
export const answerRecord = (format: AnswerFormat, answered: Answered): OutgoingRecord => {
  const { functionName, invocation, report, value, now } = answered
  const [invoked] = invocation.records
  const id = invoked?.record.id ?? invocation.requestId
  if (format === 'millrace')
    return { id, key: id, body: json(value), headers: headersOf({ id, functionName, version: report.version }) }
  return {
    id,
    key: id,
    body: json({
      version: '1.0',
      timestamp: new Date(now).toISOString(),
      requestContext: {
        requestId: id,
        functionArn: `${arnOf('lambda', `function:${functionName}`)}:$LATEST`,
        condition: 'Success',
        approximateInvokeCount: invoked?.attempt ?? 1,
      },
      requestPayload: payloadOf(invoked?.record.body ?? null),
      responseContext: { statusCode: 200, executedVersion: report.version },
      responsePayload: value,
    }),
  }
}

/** AWS's record of an event that failed for good. */
export const failureRecord = (letter: DeadLetter): OutgoingRecord => {
  const { record, attempts, error, function: fn, parkedAt, reason } = letter
  return {
    id: record.id,
    key: record.id,
    body: json({
      version: '1.0',
      timestamp: new Date(parkedAt).toISOString(),
      requestContext: {
        requestId: record.id,
        functionArn: `${arnOf('lambda', `function:${fn.name}`)}:$LATEST`,
        condition: reason === 'expired' ? 'EventAgeExceeded' : 'RetriesExhausted',
        approximateInvokeCount: attempts.length,
      },
      requestPayload: payloadOf(record.body),
      // AWS leaves both out of what never ran.
      ...(attempts.length === 0
        ? {}
        : {
            responseContext: { statusCode: 200, executedVersion: fn.version, functionError: 'Unhandled' },
            responsePayload: lambdaError(error),
          }),
    }),
  }
}

/** An error as Lambda's runtimes tell it. */
export const lambdaError = (error: ErrorInfo): object => ({
  errorType: error.name,
  errorMessage: error.message,
  ...(error.stack === undefined ? {} : { trace: error.stack.split('\n') }),
})

/** What is not JSON is told as the text it is. */
const payloadOf = (body: Uint8Array | null): unknown => {
  const text = body === null ? '' : Buffer.from(body).toString('utf8')
  try {
    return text === '' ? {} : JSON.parse(text)
  } catch {
    return text
  }
}

const headersOf = (values: { id: string; functionName: string; version: string }): readonly Header[] => [
  ['millrace-request-id', values.id],
  ['millrace-function', values.functionName],
  ['millrace-function-version', values.version],
]

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))
