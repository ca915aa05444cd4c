/**
 * One port, and whoever has a place on it. The places may change while it listens: requests that run keep the routing they
 * came by.
 *
 *   first place ──▶ listens ──▶ every place drains ──▶ accepts no more ──▶ last place gone ──▶ closed
 */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { reveal } from '../../core/config/secret.ts'
import type { Context } from '../../core/contract.ts'
import { errorInfo, MillraceError } from '../../core/errors.ts'
import type { Answer } from './answers.ts'
import type { Method } from './options.ts'
import { buildRouting, type Routing } from './routing.ts'
import type { DoorSettings, ServerSettings } from './settings.ts'
import { type Afterwards, endsHere, isEnding } from './writing.ts'

/** Somebody's method and path. */
export interface Place extends Pick<DoorSettings, 'path' | 'contentTypes' | 'maxBody' | 'cors'> {
  readonly method: Method
  /** `POST /orders/:id`. */
  readonly name: string
  readonly address: string
  /** Has the body already, whose media type is one of those wanted. Answers by the reply, once. */
  handle(request: FastifyRequest, reply: FastifyReply): void
  /** What it answers to OPTIONS itself. */
  options?(request: FastifyRequest): Answer | undefined
}

export interface HttpServer {
  /** Resolves when requests for it come in. Rejects with LISTEN_FAILED, and with CONFIG_INVALID where another has its place. */
  add(place: Place): Promise<void>
  /** It takes no more; once none does, no connection is accepted any more. */
  drain(place: Place): void
  remove(place: Place): Promise<void>
  readonly afterwards: () => Afterwards
  readonly url: () => string | undefined
  close(): Promise<void>
}

/** How long connections may last on which nobody waits for an answer any more. */
const CLOSE_TIMEOUT_MS = 2_000
/** How often Node looks for clients that are too slow. */
const CHECK_EVERY_MS = 500

export const createHttpServer = (name: string, settings: ServerSettings, context: Context): HttpServer => {
  const { clock, log } = context
  const places = new Set<Place>()
  const draining = new Set<Place>()
  let server: Server | undefined
  let routing: Routing | undefined
  let rebuilding: Promise<void> | undefined
  let url: string | undefined

  const afterwards = (): Afterwards => (server?.listening ? 'keep' : 'close')

  /** All places that come in one turn are served from the same moment on. */
  const rebuild = (): Promise<void> => {
    rebuilding ??= nextTurn().then(async () => {
      rebuilding = undefined
      routing = await buildRouting([...places], { settings, log, afterwards })
      if (places.size > 0 && !server?.listening) await listen()
    })
    return rebuilding
  }

  const listen = async (): Promise<void> => {
    const opened = newServer(settings, (request, response) => {
      if (isEnding(request.socket)) return
      if (hasOneHost(request)) routing?.(request, response)
      else refuse(new Error('no host, or several'), request.socket)
    })
    await new Promise<void>((resolve, reject) => {
      opened.once('error', thrown => reject(listenFailed(name, settings, thrown)))
      opened.listen(settings.port, settings.host, resolve)
    })
    server = opened
    const { port } = opened.address() as AddressInfo
    const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host
    url = `${settings.tls ? 'https' : 'http'}://${host}:${port}`
    log.info(`the server ${name} listens at ${url}`, { url })
  }

  const close = async (): Promise<void> => {
    const closing = server
    server = undefined
    if (!closing) return
    await new Promise<void>(resolve => {
      const cancel = clock.after(CLOSE_TIMEOUT_MS, () => closing.closeAllConnections())
      closing.close(() => {
        cancel()
        resolve()
      })
      closing.closeIdleConnections()
    })
  }

  return {
    afterwards,
    url: () => url,
    async add(place) {
      const taken = [...places].find(other => isSame(other, place))
      if (taken)
        throw new MillraceError(
          'CONFIG_INVALID',
          `connections.${name}: ${place.name} is declared already, as ${taken.name}; one of the two has to go`,
          { fatal: true },
        )
      places.add(place)
      try {
        await rebuild()
      } catch (thrown) {
        places.delete(place)
        throw thrown
      }
    },
    drain(place) {
      draining.add(place)
      if ([...places].some(other => !draining.has(other))) return
      server?.close()
      server?.closeIdleConnections()
    },
    async remove(place) {
      places.delete(place)
      draining.delete(place)
      if (places.size === 0) await close()
      else await rebuild()
    },
    close,
  }
}

/** Names of parameters tell nothing apart. */
const isSame = (one: Place, other: Place): boolean =>
  one.method === other.method && unnamed(one.path) === unnamed(other.path)

const unnamed = (path: string): string => path.replaceAll(/:\w+/g, ':')

/** Whose request it is depends on it: of two, the server and a proxy before it could each take another. */
const hasOneHost = ({ httpVersion, rawHeaders }: IncomingMessage): boolean => {
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2) if (isHost(rawHeaders[index] as string)) hosts += 1
  return hosts === 1 || (hosts === 0 && httpVersion === '1.0')
}

const isHost = (name: string): boolean => name.length === 4 && name.toLowerCase() === 'host'

const newServer = (settings: ServerSettings, onRequest: Parameters<typeof createServer>[1]): Server => {
  const { tls } = settings
  const options = {
    connectionsCheckingInterval: CHECK_EVERY_MS,
    headersTimeout: Math.min(settings.headersTimeout, settings.requestTimeout),
    insecureHTTPParser: false,
    keepAliveTimeout: settings.keepAliveTimeout,
    maxHeaderSize: settings.maxHeaderBytes,
    noDelay: true,
    // Looked at here, where what was sent behind such a request can be left alone.
    requireHostHeader: false,
    requestTimeout: settings.requestTimeout,
  }
  const server = tls
    ? createTlsServer(
        {
          ...options,
          cert: reveal(tls.cert as string),
          key: reveal(tls.key as string),
          ...(tls.passphrase === undefined ? {} : { passphrase: reveal(tls.passphrase as string) }),
          ...(tls.clientCa === undefined
            ? {}
            : { ca: reveal(tls.clientCa as string), requestCert: true, rejectUnauthorized: true }),
        },
        onRequest,
      )
    : createServer(options, onRequest)
  server.maxConnections = settings.maxConnections
  server.on('clientError', refuse)
  return server
}

const STATUS_OF: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

/** What is no HTTP, or could be read in two ways, ends the connection: whatever follows on it may be anybody's. */
const refuse = (error: Error & { readonly code?: string }, socket: Socket): void => {
  endsHere(socket)
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const status = STATUS_OF[error.code ?? ''] ?? '400 Bad Request'
  const body = JSON.stringify({ message: status.slice(4) })
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  )
}

const listenFailed = (name: string, { host, port }: ServerSettings, thrown: unknown): MillraceError => {
  const { code, message } = errorInfo(thrown)
  return new MillraceError(
    'LISTEN_FAILED',
    `connections.${name}: cannot listen on ${host}:${port}: ${message}; choose another port, or end what has it`,
    // Who has the port now may be the process that this one replaces.
    { cause: thrown, fatal: code !== 'EADDRINUSE' },
  )
}
