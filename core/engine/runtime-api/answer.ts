/** What a runtime answered, as the outcome of its invocation. */
import { errorInfo } from '../../errors.ts'
import type { Outcome } from '../contract.ts'
import { failedWith } from '../outcomes.ts'
import { streamedValue } from '../runtime/streamed-answer.ts'
import type { Event } from './event.ts'
import { MAX_PAYLOAD_BYTES } from './protocol.ts'
import { reportedError } from './reported.ts'
import type { Answered } from './server.ts'

export const outcomeOf = (answered: Answered, event: Event): Outcome => {
  const { refused } = event
  const invalid = (message: string): Outcome =>
    failedWith('FunctionAnswerInvalid', 'FUNCTION_ANSWER_INVALID', message, refused)
  switch (answered.kind) {
    case 'error':
      return { kind: 'failed', error: reportedError(answered.error), refused }
    case 'too-large':
      return failedWith(
        'FunctionAnswerTooLarge',
        'FUNCTION_ANSWER_TOO_LARGE',
        `the function answered with ${answered.length} bytes or more; expected at most ${MAX_PAYLOAD_BYTES} (6 MB)`,
        refused,
      )
    case 'broken':
      return invalid(`the connection on which the function answered ended after ${answered.length} bytes`)
    case 'wrong-mode':
      return invalid(
        `the function answered in the mode ${JSON.stringify(answered.mode)} (Lambda-Runtime-Function-Response-Mode); expected streaming, or no such header`,
      )
    case 'response': {
      const parsed = parse(answered)
      const read =
        'problem' in parsed ? ({ ok: false, problem: parsed.problem } as const) : event.readAnswer(parsed.value)
      return read.ok ? { kind: 'answered', value: read.value ?? null, refused } : invalid(read.problem)
    }
  }
}

const SHOWN_CHARS = 80

type Parsed = { readonly value: unknown } | { readonly problem: string }

type Response = Extract<Answered, { kind: 'response' }>

/** No bytes at all are an answer of nothing. */
const parse = ({ body, contentType, streamed }: Response): Parsed => {
  if (streamed) return parseStreamed(body, contentType)
  const text = body.toString('utf8')
  if (text.trim() === '') return { value: null }
  try {
    return checkDepth(JSON.parse(text), body.byteLength)
  } catch {
    const shown = JSON.stringify(text.slice(0, SHOWN_CHARS))
    return {
      problem: `the function answered with ${body.byteLength} bytes that are not JSON, ${shown}; answer null, or {"batchItemFailures": [{"itemIdentifier": …}]}`,
    }
  }
}

const parseStreamed = (body: Buffer, contentType: string): Parsed => {
  try {
    return checkDepth(streamedValue(body, contentType === '' ? undefined : contentType), body.byteLength)
  } catch (thrown) {
    return { problem: errorInfo(thrown).message }
  }
}

/** A level takes two bytes, and a few thousand levels more stack than there is: such a value is read, but never written. */
const SURELY_WRITABLE_BYTES = 2_048

const checkDepth = (value: unknown, bytes: number): Parsed => {
  if (bytes <= SURELY_WRITABLE_BYTES) return { value }
  try {
    JSON.stringify(value)
    return { value }
  } catch {
    return { problem: `the function answered with ${bytes} bytes of JSON that are nested too deeply to be used` }
  }
}
