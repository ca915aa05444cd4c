/**
 * A request, inside an environment: what the function answers is what the caller gets.
 *
 *   event ──▶ handler ──┬─ a Response ──────────── whole, or piece by piece when it does not come at once
 *                       ├─ a stream it wrote to ── piece by piece
 *                       └─ anything else ───────── API Gateway's rules
 */

import type { Decoded } from '../../event/decode.ts'
import { foreignBatch } from '../../event/foreign.ts'
import { FunctionRequest } from '../../event/http/request.ts'
import { jsonAnswer, readApiGatewayV2Answer } from '../../event/lambda/api-gateway-answer.ts'
import { WholeAnswer } from '../../function/answer.ts'
import { functionError } from '../../function/errors.ts'
import type { RequestAnswer } from '../../request-contract.ts'
import type { ForeignEvents, FunctionError, RefusedRecord } from '../contract.ts'
import { answerText } from './answer.ts'
import { guardFor, requestDecoder } from './decoder.ts'
import { answerResponse } from './http-response.ts'
import { streamHttp } from './http-stream.ts'
import type { LoadedFunction } from './load.ts'
import { invalidAnswer, type RunParts, type RunResult } from './run.ts'

const NONE: readonly RefusedRecord[] = []
const NO_DATA: Decoded = { data: null }

/** Never rejects. */
export const runHttp = async (loaded: LoadedFunction, parts: RunParts, events: ForeignEvents): Promise<RunResult> => {
  const made = events.format === 'request' ? ownEvent(loaded, parts) : foreignEvent(loaded, parts, events)
  const event = made instanceof Promise ? await made : made
  if (event.kind !== 'event') return event
  try {
    if (loaded.streaming && parts.stream) {
      await streamHttp(loaded.streaming, event.value, parts.context, parts.stream)
      return STREAMED
    }
    const value = await loaded.handle(event.value, parts.context)
    return value instanceof Response ? await ofResponse(value, parts) : ofValue(value)
  } catch (thrown) {
    return { kind: 'failed', error: functionError(thrown), refused: NONE }
  }
}

/** The pieces are with the caller already. */
const STREAMED: RunResult = { kind: 'answered', value: null, refused: NONE }

type Made = { readonly kind: 'event'; readonly value: unknown } | RunResult

const ownEvent = (loaded: LoadedFunction, { request, readText }: RunParts): Made | Promise<Made> => {
  const found = requestDecoder(loaded, request)
  if (found.error) return { kind: 'not-ready', error: found.error }
  const [invoked] = request.records
  if (!invoked) return { kind: 'failed', error: invalidAnswer('there is no request'), refused: NONE }
  const { id, body } = invoked.record
  // Without a body there is nothing to read; whether there had to be one was looked at before.
  const decoded = body === null ? NO_DATA : found.decode(body, readText)
  const made = (read: Awaited<typeof decoded>): Made =>
    read.verdict
      ? { kind: 'answered', value: null, refused: [{ id, verdict: read.verdict, error: read.error }] }
      : { kind: 'event', value: new FunctionRequest(invoked, read.data) }
  return decoded instanceof Promise ? decoded.then(made) : made(decoded)
}

const foreignEvent = async (
  loaded: LoadedFunction,
  { request, readText }: RunParts,
  events: ForeignEvents,
): Promise<Made> => {
  const found = guardFor(loaded, request)
  if (found.error) return { kind: 'not-ready', error: found.error }
  const { event, refused } = await foreignBatch({ ...request, events }, found.decode, readText)
  return refused.length > 0 ? { kind: 'answered', value: null, refused } : { kind: 'event', value: event }
}

const ofResponse = async (response: Response, { stream, context }: RunParts): Promise<RunResult> => {
  const answered = await answerResponse(response, stream, context.signal)
  if (answered === 'streamed') return STREAMED
  return 'problem' in answered ? invalid(answered.problem) : ofAnswer(answered)
}

/** As JSON carries it, because that is what AWS reads; most answers have no status and are the body itself. */
const ofValue = (value: unknown): RunResult => {
  if (typeof value === 'string') return ofAnswer(jsonAnswer(value))
  const text = plainText(value)
  if (typeof text === 'object') return { kind: 'failed', error: text.error, refused: NONE }
  if (!text.includes('"statusCode"'))
    return ofAnswer(text.startsWith('"') ? jsonAnswer(JSON.parse(text)) : jsonAnswer(text))
  const { problem, ...answer } = readApiGatewayV2Answer(JSON.parse(text))
  return 'response' in answer ? ofAnswer(answer.response) : invalid(problem ?? '')
}

/** Without the care for errors in it that a report takes: it is what most requests cost. */
const plainText = (value: unknown): string | { readonly error: FunctionError } => {
  try {
    const text = JSON.stringify(value)
    if (text !== undefined && text.length <= SURELY_SHORT) return text
  } catch {
    // The careful way finds out where and why.
  }
  const written = answerText(value)
  return written.error ? { error: written.error } : (written.text ?? 'null')
}

/** No longer than an answer may be, however many bytes its characters take. */
const SURELY_SHORT = 2_000_000

const ofAnswer = (answer: RequestAnswer): RunResult => ({
  kind: 'answered',
  value: new WholeAnswer(answer),
  refused: NONE,
})

const invalid = (problem: string): RunResult => ({ kind: 'failed', error: invalidAnswer(problem), refused: NONE })
