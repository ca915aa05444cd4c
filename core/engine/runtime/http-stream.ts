/** What a handler of `awslambda.streamifyResponse` writes, to a caller who takes it piece by piece. */

import { MillraceError } from '../../errors.ts'
import { jsonOf } from '../../event/bytes.ts'
import { readApiGatewayV2Answer } from '../../event/lambda/api-gateway-answer.ts'
import type { FunctionContext } from '../../function/context.ts'
import type { AnswerHead, AnswerStream } from '../../request-contract.ts'
import { callStreaming, HTTP_STREAM, PRELUDE_END_BYTES, type StreamingHandler } from './streaming.ts'

/** The prelude that a stream for HTTP begins with may have this many bytes. */
const MAX_PRELUDE_BYTES = 65_536
const PRELUDE_END = Buffer.alloc(PRELUDE_END_BYTES)

/**
 * Without a prelude the status is 200 and the content type what was set, else bytes. Rejects with what the handler threw,
 * and with FUNCTION_ANSWER_INVALID for a prelude that is none.
 */
export const streamHttp = async (
  handler: StreamingHandler,
  event: unknown,
  context: FunctionContext,
  stream: AnswerStream,
): Promise<void> => {
  /** What came of the prelude; undefined once the answer has begun. */
  let prelude: Buffer | undefined
  await callStreaming(handler, event, context, {
    begin(contentType) {
      if (contentType === HTTP_STREAM) prelude = Buffer.alloc(0)
      else stream.begin(headOf({ headers: { 'content-type': contentType ?? 'application/octet-stream' } }))
    },
    write(piece) {
      if (prelude === undefined) return stream.write(piece)
      const bytes: Buffer = Buffer.concat([prelude, piece])
      const end = bytes.indexOf(PRELUDE_END)
      if (end < 0 && bytes.byteLength > MAX_PRELUDE_BYTES) throw invalid('its first 64 KB have no end of a prelude')
      if (end < 0) {
        prelude = bytes
        return undefined
      }
      prelude = undefined
      stream.begin(headOf(preludeOf(bytes.subarray(0, end))))
      const rest = bytes.subarray(end + PRELUDE_END_BYTES)
      return rest.byteLength === 0 ? undefined : stream.write(rest)
    },
  })
  if (prelude !== undefined) throw invalid('it ended before its prelude did')
}

const preludeOf = (bytes: Uint8Array): Readonly<Record<string, unknown>> => {
  const parsed = jsonOf(bytes)
  if ('value' in parsed && typeof parsed.value === 'object' && parsed.value !== null)
    return parsed.value as Readonly<Record<string, unknown>>
  throw invalid(`its prelude is not a JSON object`)
}

const headOf = ({ statusCode = 200, headers, cookies }: Readonly<Record<string, unknown>>): AnswerHead => {
  const answer = readApiGatewayV2Answer({ statusCode, headers, cookies })
  if (answer.problem !== undefined) throw invalid(answer.problem)
  const { status, headers: checked } = answer.response
  return { status, headers: checked }
}

const invalid = (problem: string): MillraceError =>
  new MillraceError(
    'FUNCTION_ANSWER_INVALID',
    `the function's stream: ${problem}; awslambda.HttpResponseStream.from(responseStream, { statusCode, headers }) writes what comes first`,
  )
