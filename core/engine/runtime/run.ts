/**
 * One invocation, inside an environment of any isolation: decode, call the handler, and whatever happens becomes a value.
 *
 *   for this channel? ── no ──▶ mismatch
 *     │
 *     ▼
 *   decode, or make the event of a foreign format ── every record refused ──▶ answered, the handler is not called
 *     ▼
 *   handler ── throws, or answers in a foreign format what is no answer ──▶ failed
 *     ▼
 *   answered
 */

import type { ErrorInfo } from '../../contract.ts'
import { decodeBatch } from '../../event/record.ts'
import type { ReadText } from '../../event/text.ts'
import type { FunctionContext } from '../../function/context.ts'
import { functionError } from '../../function/errors.ts'
import type { AnswerStream } from '../../request-contract.ts'
import type { ForeignEvents, FunctionError, Invocation, RefusedRecord } from '../contract.ts'
import { answerText } from './answer.ts'
import { decoderFor, guardFor } from './decoder.ts'
import type { LoadedFunction } from './load.ts'

/** An invocation as it reaches the environment. */
export type Request = Omit<Invocation, 'signal' | 'stream'>

export type RunResult =
  | { readonly kind: 'answered'; readonly value: unknown; readonly refused: readonly RefusedRecord[] }
  | { readonly kind: 'failed'; readonly error: FunctionError; readonly refused: readonly RefusedRecord[] }
  | { readonly kind: 'not-ready'; readonly error: ErrorInfo }

export interface RunParts {
  readonly request: Request
  readonly context: FunctionContext
  readonly readText: ReadText
  /** Takes an answer piece by piece, where the caller does. */
  readonly stream?: AnswerStream | undefined
}

const NONE: readonly RefusedRecord[] = []

/** Never rejects. */
export const runInvocation = (loaded: LoadedFunction, parts: RunParts): Promise<RunResult> => {
  const { events } = parts.request
  if (!events) return runOwn(loaded, parts)
  return events.place === HTTP_PLACE ? runRequest(loaded, parts, events) : runForeign(loaded, parts, events)
}

const runOwn = async (loaded: LoadedFunction, parts: RunParts): Promise<RunResult> => {
  const found = decoderFor(loaded, parts.request)
  if (found.error) return { kind: 'not-ready', error: found.error }
  let refused = NONE
  try {
    const decoding = decodeBatch(parts.request.records, found.decode, parts.readText)
    const decoded = decoding instanceof Promise ? await decoding : decoding
    refused = decoded.refused
    if (decoded.batch.length === 0 && refused.length > 0) return { kind: 'answered', value: undefined, refused }
    return { kind: 'answered', value: await loaded.handle(decoded.batch, parts.context), refused }
  } catch (thrown) {
    return { kind: 'failed', error: functionError(thrown), refused }
  }
}

const runForeign = async (loaded: LoadedFunction, parts: RunParts, events: ForeignEvents): Promise<RunResult> => {
  const found = guardFor(loaded, parts.request)
  if (found.error) return { kind: 'not-ready', error: found.error }
  // Only where it is needed: a fifth of what an idle environment weighs.
  const { foreignBatch } = await import('../../event/foreign.ts')
  let refused = NONE
  try {
    const batch = await foreignBatch({ ...parts.request, events }, found.decode, parts.readText)
    refused = batch.refused
    if (batch.event === undefined) return { kind: 'answered', value: undefined, refused }
    // As JSON carries it, because that is what AWS reads: a toJSON counts, a member that is undefined is not there.
    const written = answerText(await loaded.handle(batch.event, parts.context))
    if (written.error) return { kind: 'failed', error: written.error, refused }
    const answer = batch.readAnswer(written.text === undefined ? null : JSON.parse(written.text))
    if (answer.ok) return { kind: 'answered', value: answer.value, refused }
    return { kind: 'failed', error: invalidAnswer(answer.problem), refused }
  } catch (thrown) {
    return { kind: 'failed', error: functionError(thrown), refused }
  }
}

/** The same in every room, and not worth a module of its own to an environment that never sees a request. */
const HTTP_PLACE = 'http/route'

type RunHttp = typeof import('./run-http.ts').runHttp
let runHttp: RunHttp | undefined

/** Imported once, with the first request: asking for a module that is there costs as much as all the rest. */
const runRequest = (loaded: LoadedFunction, parts: RunParts, events: ForeignEvents): Promise<RunResult> =>
  runHttp ? runHttp(loaded, parts, events) : importRunHttp().then(run => run(loaded, parts, events))

const importRunHttp = async (): Promise<RunHttp> => {
  runHttp = (await import('./run-http.ts')).runHttp
  return runHttp
}

export const invalidAnswer = (message: string): FunctionError => ({
  name: 'InvalidAnswer',
  code: 'FUNCTION_ANSWER_INVALID',
  message,
})
