/**
 * Handlers that stream their answer, as AWS's Node runtime has them: `awslambda.streamifyResponse(handler)`, called with
 * the event, a stream and the context. The answer is what was written to the stream when it ended.
 */
import { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { MillraceError } from '../../errors.ts'
import type { FunctionContext } from '../../function/context.ts'

/** Registered symbols: AWS's own runtime and libraries that look for streaming handlers use the same. */
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming')
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark')

/** The content type of a stream that begins with status and headers as JSON, then eight zero bytes, then the body. */
export const HTTP_STREAM = 'application/vnd.awslambda.http-integration-response'
export const PRELUDE_END_BYTES = 8

export type StreamingHandler = (event: unknown, stream: ResponseStream, context: FunctionContext) => unknown

/** What a streaming handler writes to. */
export interface ResponseStream extends Writable {
  /** Before the first write; of the answer as a whole. */
  setContentType(contentType: string): void
}

/** Where the answer goes as it is written. What `write` answers is waited for before more is taken. */
export interface StreamSink {
  /** Called once, before the first byte; undefined when the handler said nothing. */
  begin(contentType: string | undefined): void
  write(chunk: Uint8Array): Promise<void> | undefined
}

interface Functions {
  readonly streamifyResponse: (handler: object, options?: { readonly highWaterMark?: unknown }) => object
  readonly HttpResponseStream: { readonly from: (stream: ResponseStream, prelude: unknown) => ResponseStream }
}

const preludes = new WeakMap<ResponseStream, unknown>()

/** AWS's global `awslambda`, which handlers use while their module is imported. Does nothing where there is one. */
export const provideAwslambda = (scope: { awslambda?: Functions } = globalThis as { awslambda?: Functions }): void => {
  scope.awslambda ??= {
    streamifyResponse: (handler, options) =>
      Object.assign(handler, {
        [STREAMING]: 'response',
        ...(typeof options?.highWaterMark === 'number' ? { [HIGH_WATER_MARK]: options.highWaterMark } : {}),
      }),
    HttpResponseStream: {
      from(stream, prelude) {
        stream.setContentType(HTTP_STREAM)
        preludes.set(stream, prelude)
        return stream
      },
    },
  }
}

export const isStreaming = (handler: object): boolean => Reflect.get(handler, STREAMING) === 'response'

/**
 * Resolves once the handler has returned and all it wrote was taken. Rejects with what it threw, with what the sink threw,
 * and with FUNCTION_ANSWER_INVALID when it returned without ending its stream.
 */
export const callStreaming = async (
  handler: StreamingHandler,
  event: unknown,
  context: FunctionContext,
  sink: StreamSink,
): Promise<void> => {
  const stream = openStream(handler, sink)
  const ended = finished(stream)
  // A handler that throws destroys its stream: that is told once, by the handler's own rejection.
  ended.catch(() => {})
  try {
    await handler(event, stream, context)
  } catch (thrown) {
    stream.destroy()
    throw thrown
  }
  // As on AWS. To end it here would cut off what is still being written, and count that as the answer.
  if (!stream.writableEnded && !stream.errored) {
    stream.destroy()
    throw notEnded()
  }
  await ended
}

const notEnded = (): MillraceError =>
  new MillraceError(
    'FUNCTION_ANSWER_INVALID',
    'the function returned before it had ended its response stream; call responseStream.end(), or await pipeline(source, responseStream)',
  )

const openStream = (handler: object, sink: StreamSink): ResponseStream => {
  let contentType: string | undefined
  let begun = false
  const begin = (): Promise<void> | undefined => {
    if (begun) return undefined
    begun = true
    sink.begin(contentType)
    const prelude = preludes.get(stream)
    if (prelude === undefined) return undefined
    return sink.write(Buffer.concat([Buffer.from(JSON.stringify(prelude)), Buffer.alloc(PRELUDE_END_BYTES)]))
  }
  const taken = async (chunk: Uint8Array | undefined): Promise<void> => {
    await begin()
    if (chunk) await sink.write(chunk)
  }
  const highWaterMark: unknown = Reflect.get(handler, HIGH_WATER_MARK)
  const stream: ResponseStream = Object.assign(
    new Writable({
      ...(typeof highWaterMark === 'number' ? { highWaterMark } : {}),
      write: (chunk: Uint8Array, _encoding, done) => void taken(chunk).then(() => done(), done),
      final: done => void taken(undefined).then(() => done(), done),
    }),
    {
      setContentType(type: string) {
        contentType = type
      },
    },
  )
  return stream
}
