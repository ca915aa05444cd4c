/**
 * The Invoke API of AWS Lambda over HTTP, so that its SDKs with another endpoint call functions here. It asks nobody who
 * they are: signatures are not looked at, and it listens on this machine only unless it is told otherwise.
 */

import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import type { Variant } from '../engine/canary.ts'
import { errorInfo, MillraceError } from '../errors.ts'
import { type AwsAnswer, answerOf, DRY, failure, MAX_EVENT_BYTES, QUEUED, TOO_LARGE } from './aws-answer.ts'
import { type Asked, notFound, readRequest } from './aws-request.ts'
import type { DirectInvocation, InvokeAnswer } from './direct.ts'
import { MAX_ASYNC_BYTES } from './payload.ts'

/** What is behind the door. */
export interface InvokeTargets {
  /** Whether there is such a function, and where one is named, that version of it. */
  has(functionName: string, variant?: Variant): boolean
  invoke(invocation: DirectInvocation): Promise<InvokeAnswer>
  /** Resolves when the event is durable. Rejects with FUNCTION_NOT_FOUND where the function is not for that. */
  invokeAsync(functionName: string, payload: Uint8Array, requestId: string): Promise<void>
}

export interface InvokeServer {
  readonly url: string
  /** Takes no further calls; resolves when those that run were answered. */
  close(): Promise<void>
}

interface Called {
  readonly Params: { readonly name: string }
  readonly Querystring: { readonly Qualifier?: string }
}

/** Rejects with LISTEN_FAILED where the address cannot be had. */
export const openInvokeServer = async (
  { host, port }: { readonly host: string; readonly port: number },
  targets: InvokeTargets,
): Promise<InvokeServer> => {
  const server = Fastify({ bodyLimit: MAX_EVENT_BYTES, forceCloseConnections: 'idle', return503OnClosing: true })
  let closing = false
  // Otherwise a caller who keeps its connection keeps the app from stopping.
  server.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('Connection', 'close')
  })
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  server.post<Called>('/2015-03-31/functions/:name/invocations', async (request, reply) => {
    const requestId = crypto.randomUUID()
    const answer = await answerTo(request, reply, requestId, targets)
    return send(reply.header('x-amzn-RequestId', requestId), answer)
  })
  server.setNotFoundHandler((request, reply) =>
    send(
      reply,
      failure(404, 'UnknownOperationException', `There is no ${request.method} ${request.url.split('?', 1)[0]}`),
    ),
  )
  server.setErrorHandler((error, _request, reply) => send(reply, brokenCall(error)))
  try {
    await server.listen({ host, port })
  } catch (thrown) {
    await server.close()
    throw new MillraceError(
      'LISTEN_FAILED',
      `invoke: cannot listen on ${host}:${port}: ${errorInfo(thrown).message}; choose another port, or end what has it`,
      { cause: thrown, fatal: true },
    )
  }
  const { port: listening } = server.server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${listening}`,
    close() {
      closing = true
      return server.close()
    },
  }
}

const answerTo = async (
  request: FastifyRequest<Called>,
  reply: FastifyReply,
  requestId: string,
  targets: InvokeTargets,
): Promise<AwsAnswer> => {
  const { name } = request.params
  const asked = readRequest({ functionName: name, qualifier: request.query.Qualifier, headers: request.headers })
  if ('refusal' in asked) return asked.refusal
  if (!targets.has(asked.functionName)) return notFound(asked.functionName)
  if (!targets.has(asked.functionName, asked.variant)) return notFound(`${asked.functionName}:${asked.variant}`)
  const payload = request.body instanceof Uint8Array ? request.body : new Uint8Array()
  if (asked.type === 'DryRun') return DRY
  if (asked.type === 'Event') return queue(asked, payload, requestId, targets)
  const gone = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort(new DOMException('the caller has gone', 'AbortError'))
  })
  const { functionName, variant } = asked
  const answer = await targets.invoke({
    functionName,
    payload,
    requestId,
    signal: gone.signal,
    ...(variant ? { variant } : {}),
  })
  return answerOf(answer, requestId, asked.logs)
}

const queue = async (
  { functionName }: Asked,
  payload: Uint8Array,
  requestId: string,
  targets: InvokeTargets,
): Promise<AwsAnswer> => {
  if (payload.byteLength > MAX_ASYNC_BYTES) return TOO_LARGE(MAX_ASYNC_BYTES)
  try {
    await targets.invokeAsync(functionName, payload, requestId)
    return QUEUED
  } catch (thrown) {
    const { code, message } = errorInfo(thrown)
    if (code === 'SEND_INVALID') return failure(400, 'InvalidRequestContentException', message)
    if (code === 'FUNCTION_NOT_FOUND') return failure(400, 'InvalidParameterValueException', message)
    return failure(500, 'ServiceException', message)
  }
}

/** What went wrong before a function was asked for: a body that is too large or broke off, a path that is no path. */
const brokenCall = (thrown: unknown): AwsAnswer => {
  const { code, message } = errorInfo(thrown)
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return TOO_LARGE()
  const { statusCode = 500 } = thrown as { readonly statusCode?: number }
  return statusCode < 500
    ? failure(statusCode, 'InvalidRequestContentException', message)
    : failure(500, 'ServiceException', message)
}

const send = (reply: FastifyReply, { status, headers, body }: AwsAnswer): FastifyReply =>
  reply.code(status).headers(headers).send(body)
