/** A function behind HTTP for tests: a real server on a port of its own that answers as the test says. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface Received {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** The number of the connection it came on. */
  readonly connection: number
}

export interface Endpoint {
  readonly url: string
  readonly received: Received[]
  /** Requests at the same time, at most. */
  most(): number
  server: Server
}

export type Answer = (request: Received, response: ServerResponse) => unknown

export interface EndpointOptions {
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca?: string; readonly requestCert?: boolean }
  readonly host?: string
}

export const endpoint = async (
  context: TestContext,
  answer: Answer,
  options: EndpointOptions = {},
): Promise<Endpoint> => {
  const received: Received[] = []
  const connections = new Map<unknown, number>()
  let running = 0
  let most = 0
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    running += 1
    most = Math.max(most, running)
    response.on('close', () => {
      running -= 1
    })
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const connection = connections.get(request.socket) ?? connections.size + 1
    connections.set(request.socket, connection)
    const { url: path = '', headers } = request
    const item = { path, headers, body: Buffer.concat(chunks).toString('utf8'), connection }
    received.push(item)
    await answer(item, response)
  }
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch(() => response.destroy())
  }
  const server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const origin = `${options.tls ? 'https' : 'http'}://${options.host ?? '127.0.0.1'}:${port}`
  return { url: `${origin}/2015-03-31/functions/f/invocations`, received, most: () => most, server }
}

export const reply = (
  response: ServerResponse,
  status: number,
  body = '',
  headers: Record<string, string> = {},
): void => {
  response.writeHead(status, headers)
  response.end(body)
}
