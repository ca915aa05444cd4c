/**
 * The Lambda Runtime API (2018-06-01) of one environment: a server of its own on 127.0.0.1, because its address is all
 * that a runtime is told. It hands out one request at a time and says what came back; it decides nothing else.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Body, readBody } from './body.ts'
import {
  ACCEPTED,
  INVALID_MODE,
  INVALID_REQUEST_ID,
  type Reply,
  routeOf,
  type State,
  stepOf,
  TOO_LARGE,
} from './protocol.ts'
import type { Reported } from './reported.ts'

export interface GivenRequest {
  readonly id: string
  /** Called when a runtime takes it. */
  take(): { readonly headers: Readonly<Record<string, string>>; readonly body: string | Uint8Array }
}

export type Answered =
  | { readonly kind: 'response'; readonly body: Buffer; readonly contentType: string; readonly streamed: boolean }
  | { readonly kind: 'error'; readonly error: Reported }
  | { readonly kind: 'too-large'; readonly length: number }
  | { readonly kind: 'broken'; readonly length: number }
  | { readonly kind: 'wrong-mode'; readonly mode: string }

export interface RuntimeTold {
  /** It asks for its first request: Init is over. */
  ready(): void
  initFailed(error: Reported): void
  /** Once for each request that was taken, unless the runtime never answers. */
  answered(requestId: string, answered: Answered): void
}

export interface RuntimeApi {
  /** `host:port`, for AWS_LAMBDA_RUNTIME_API. */
  readonly address: string
  /** At once to a runtime that waits, otherwise when it asks next. Not before the last one was answered. */
  give(request: GivenRequest): void
  /** What was given and not taken is not handed out any more. */
  withdraw(): void
  /** Ends every connection. */
  close(): void
}

/** AWS's limit; the cause of an error for X-Ray is a header. */
const MAX_HEADER_BYTES = 1_048_576

/** Rejects when no port can be had. */
export const openRuntimeApi = async (told: RuntimeTold): Promise<RuntimeApi> => {
  let state: State = 'Started'
  let given: GivenRequest | undefined
  /** The request in hand, after its answer the last one; and the connection that took it. */
  let current: { readonly request: GivenRequest; readonly taker: Socket | null } | undefined
  const waiting = new Set<ServerResponse>()

  const handOver = (): void => {
    const [response] = waiting
    const request = given ?? (isLost() ? current?.request : undefined)
    if (!response || !request) return
    given = undefined
    waiting.delete(response)
    // Of the request, because a response has no socket while the one before it on its connection is being written.
    current = { request, taker: response.req.socket }
    state = 'Running'
    response.once('close', handOver)
    const { headers, body } = request.take()
    response.writeHead(200, { 'Content-Type': 'application/json', ...headers })
    response.end(body)
  }
  /** Whoever asks while the connection that took the request is gone may have lost it on the way. */
  const isLost = (): boolean => state === 'Running' && current?.taker?.destroyed !== false

  const next = (response: ServerResponse): void => {
    const step = isLost() ? { state } : stepOf(state, 'next')
    if (step.refusal) {
      reply(response, step.refusal)
      return
    }
    const first = state === 'Started'
    state = step.state
    waiting.add(response)
    response.once('close', () => waiting.delete(response))
    if (first) told.ready()
    handOver()
  }

  const answer = async (
    call: 'response' | 'error',
    requestId: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    if (requestId !== current?.request.id) return reply(response, INVALID_REQUEST_ID)
    const step = stepOf(state, call)
    if (step.refusal) return reply(response, step.refusal)
    state = step.state
    const mode = headerOf(request, 'lambda-runtime-function-response-mode')
    const isWrongMode = mode !== '' && mode !== 'streaming'
    const body = await readBody(request)
    state = 'RuntimeResponseSentState'
    const answered = isWrongMode ? { kind: 'wrong-mode' as const, mode } : answeredBy(call, request, body)
    told.answered(requestId, answered)
    reply(response, REPLIES[answered.kind])
  }

  const initError = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const step = stepOf(state, 'init/error')
    if (step.refusal) return reply(response, step.refusal)
    state = step.state
    const body = await readBody(request)
    reply(response, body.kind === 'too-large' ? TOO_LARGE : ACCEPTED)
    told.initFailed({ type: errorTypeOf(request), body: body.kind === 'whole' ? body.bytes : Buffer.alloc(0) })
  }

  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    const route = routeOf(request.method ?? '', request.url ?? '')
    if (!route) text(response, 404, '404 page not found\n')
    else if (route.call === 'wrong-method') text(response, 405, '')
    else if (route.call === 'ping') text(response, 200, 'pong')
    else if (route.call === 'next') next(response)
    else if (route.call === 'init/error') void initError(request, response)
    else void answer(route.call, route.requestId, request, response)
  })
  // A runtime keeps its connection over invocations of any length, and streams as slowly as it likes.
  server.keepAliveTimeout = 0
  server.requestTimeout = 0
  server.headersTimeout = 0
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    give(request) {
      given = request
      handOver()
    },
    withdraw() {
      given = undefined
    },
    close() {
      given = undefined
      current = undefined
      waiting.clear()
      server.close()
      server.closeAllConnections()
    },
  }
}

const REPLIES: Readonly<Record<Answered['kind'], Reply>> = {
  response: ACCEPTED,
  error: ACCEPTED,
  'too-large': TOO_LARGE,
  'wrong-mode': INVALID_MODE,
  // Nobody is left to read it.
  broken: ACCEPTED,
}

const answeredBy = (call: 'response' | 'error', request: IncomingMessage, body: Body): Answered => {
  if (body.kind !== 'whole') return body
  if (call === 'error') return { kind: 'error', error: { type: errorTypeOf(request), body: body.bytes } }
  // What goes wrong in the middle of a stream is told behind it.
  const type = request.trailers['lambda-runtime-function-error-type']
  if (type !== undefined) {
    const told = Buffer.from(request.trailers['lambda-runtime-function-error-body'] ?? '', 'base64')
    return { kind: 'error', error: { type, body: told } }
  }
  return {
    kind: 'response',
    body: body.bytes,
    contentType: headerOf(request, 'content-type'),
    streamed: headerOf(request, 'lambda-runtime-function-response-mode') !== '',
  }
}

const errorTypeOf = (request: IncomingMessage): string => headerOf(request, 'lambda-runtime-function-error-type')

const headerOf = ({ headers }: IncomingMessage, name: string): string => {
  const value = headers[name]
  return typeof value === 'string' ? value : (value?.join(', ') ?? '')
}

const reply = (response: ServerResponse, { status, body }: Reply): void => {
  response.writeHead(status, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify(body))
}

const text = (response: ServerResponse, status: number, body: string): void => {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' })
  response.end(body)
}
