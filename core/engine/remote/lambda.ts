/** A function behind an invoke endpoint as Lambda has it: one request for a batch, the function's answer is the body. */
import type { Invocation, Outcome } from '../contract.ts'
import { failedWith } from '../outcomes.ts'
import { type Event, eventOf } from '../runtime-api/event.ts'
import { reportedError } from '../runtime-api/reported.ts'
import type { RemoteResponse } from './connection.ts'
import type { Remote, RemoteOutcome } from './remote.ts'
import { isErrorBody } from './status.ts'

export const invokeLambda = async (remote: Remote, invocation: Invocation): Promise<RemoteOutcome> => {
  const event = await eventOf(remote.spec.name, invocation)
  if ('kind' in event) return { outcome: event, logs: [] }
  const { text, refused } = event
  if (text === undefined) return { outcome: { kind: 'answered', value: null, refused }, logs: [] }
  const answered = await remote.post({ ...HEADERS, 'X-Amz-Client-Context': clientContext(invocation) }, text)
  if (answered.kind === 'ok')
    return { outcome: answerOf(remote, answered.response, event), logs: logsOf(answered.response) }
  return { outcome: answered.kind === 'failed' ? { ...answered, refused } : answered, logs: [] }
}

const HEADERS = {
  'Content-Type': 'application/json',
  'X-Amz-Invocation-Type': 'RequestResponse',
  'X-Amz-Log-Type': 'Tail',
}

/** What Lambda hands to the function as context.clientContext. */
const clientContext = ({ mapping, channel, order, requestId }: Invocation): string =>
  Buffer.from(JSON.stringify({ custom: { mapping, channel, order, requestId } })).toString('base64')

const ACCEPTED = 202

const answerOf = ({ spec }: Remote, { status, headers, body }: RemoteResponse, event: Event): Outcome => {
  const { refused } = event
  const invalid = (problem: string): Outcome =>
    failedWith('FunctionAnswerInvalid', 'FUNCTION_ANSWER_INVALID', `functions.${spec.name}: ${problem}`, refused)
  const type = headers['x-amz-function-error']
  // The emulator in AWS's images tells errors by the body alone.
  if (type !== undefined || isErrorBody(body))
    return { kind: 'failed', error: reportedError({ type: type ?? '', body }), refused }
  if (status === ACCEPTED)
    return invalid('it answered 202, which says that the event was taken over and not that it was processed')
  const text = body.toString('utf8')
  if (/^Task timed out after /.test(text))
    return failedWith('FunctionTimeout', 'FUNCTION_TIMEOUT', `functions.${spec.name}: ${text}`, refused)
  const parsed = parse(text)
  if (parsed === undefined)
    return invalid(
      `it answered with ${body.byteLength} bytes that are not JSON: ${JSON.stringify(text.slice(0, SHOWN_CHARS))}`,
    )
  const answer = event.readAnswer(parsed.value)
  return answer.ok ? { kind: 'answered', value: answer.value ?? null, refused } : invalid(answer.problem)
}

const SHOWN_CHARS = 120

const parse = (text: string): { readonly value: unknown } | undefined => {
  if (text.trim() === '') return { value: null }
  try {
    return { value: JSON.parse(text) }
  } catch {
    // No JSON: the caller says so.
    return undefined
  }
}

/** Lambda sends the last 4 KB of what the function printed. */
const logsOf = ({ headers }: RemoteResponse): readonly string[] => {
  const tail = headers['x-amz-log-result']
  if (tail === undefined) return []
  const lines = Buffer.from(tail, 'base64').toString('utf8').split('\n')
  return lines.filter(line => line !== '')
}
