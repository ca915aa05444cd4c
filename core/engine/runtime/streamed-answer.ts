/** A streamed answer as one value, for whoever wants it whole: a mapping, or a caller that does not stream. */
import { MillraceError } from '../../errors.ts'
import { jsonOf, utf8Of } from '../../event/bytes.ts'
import type { FunctionContext } from '../../function/context.ts'
import { MAX_ANSWER_BYTES } from './answer.ts'
import { callStreaming, HTTP_STREAM, PRELUDE_END_BYTES, type StreamingHandler } from './streaming.ts'

/**
 * Without a content type the stream is JSON, or empty for no answer; with another it is text, or base64 for bytes. A
 * stream for HTTP is `{ statusCode, headers, body, … }`. Rejects with what the handler threw, with
 * FUNCTION_ANSWER_TOO_LARGE beyond 6 MB, and with FUNCTION_ANSWER_INVALID for what should be JSON.
 */
export const collectStreamed = async (
  handler: StreamingHandler,
  event: unknown,
  context: FunctionContext,
): Promise<unknown> => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  let contentType: string | undefined
  await callStreaming(handler, event, context, {
    begin(type) {
      contentType = type
    },
    write(chunk) {
      bytes += chunk.byteLength
      if (bytes > MAX_ANSWER_BYTES) throw tooLarge()
      chunks.push(chunk)
      return undefined
    },
  })
  return streamedValue(Buffer.concat(chunks), contentType)
}

/** What was streamed under a content type, as {@link collectStreamed} has it. */
export const streamedValue = (body: Buffer, contentType: string | undefined): unknown => {
  if (contentType === HTTP_STREAM) return httpValue(body)
  if (contentType !== undefined && !/^[^;]*[/+]json/i.test(contentType)) return textOrBase64(body).body
  return body.byteLength === 0 ? undefined : jsonValue(body)
}

const httpValue = (stream: Buffer): unknown => {
  const end = stream.indexOf(Buffer.alloc(PRELUDE_END_BYTES))
  if (end < 0) throw noPrelude()
  const prelude = jsonValue(stream.subarray(0, end))
  if (typeof prelude !== 'object' || prelude === null) throw noPrelude()
  return { ...prelude, ...textOrBase64(stream.subarray(end + PRELUDE_END_BYTES)) }
}

const textOrBase64 = (bytes: Buffer): { readonly body: string; readonly isBase64Encoded: boolean } => {
  const text = utf8Of(bytes)
  return text === undefined
    ? { body: bytes.toString('base64'), isBase64Encoded: true }
    : { body: text, isBase64Encoded: false }
}

const jsonValue = (bytes: Buffer): unknown => {
  const parsed = jsonOf(bytes)
  if ('value' in parsed) return parsed.value
  throw new MillraceError(
    'FUNCTION_ANSWER_INVALID',
    `the function streamed ${bytes.byteLength} bytes that are not JSON (${parsed.problem}); write JSON, or say what it is with setContentType`,
  )
}

const noPrelude = (): MillraceError =>
  new MillraceError(
    'FUNCTION_ANSWER_INVALID',
    `the function streamed ${HTTP_STREAM} without what comes first in it: status and headers as a JSON object, then ${PRELUDE_END_BYTES} zero bytes; awslambda.HttpResponseStream.from(responseStream, { statusCode, headers }) writes them`,
  )

const tooLarge = (): MillraceError =>
  new MillraceError(
    'FUNCTION_ANSWER_TOO_LARGE',
    `the function streamed more than ${MAX_ANSWER_BYTES} bytes (6 MB) to a caller that takes its answer whole`,
  )
