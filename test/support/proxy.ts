import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Scope } from './brokers/broker.ts'
import { freePort } from './brokers/ports.ts'
import { type Direction, type Faults, openPipe, type Pipe } from './proxy-pipe.ts'

/** Between a client and a server on loopback, to do to their connections what networks do. */
export interface FaultProxy {
  /** Where clients connect to; the same until the proxy is closed. */
  readonly port: number
  /** How many connections are open on either side of it. */
  readonly connections: () => number
  /** Replaces the faults of all connections, those that are open too; `{}` for none. */
  faults(faults: Faults): void
  /** Resets every open connection at both ends (RST). New ones are taken. */
  reset(): void
  /**
   * From now on every connection, open or new, silently loses what goes in these directions: no end, no reset. A new
   * one is taken. `heal` is for new connections; an open one that lost bytes stays half-open until somebody gives up.
   */
  halfOpen(...directions: readonly Direction[]): void
  heal(): void
  /** Resets every connection and refuses new ones. */
  down(): Promise<void>
  up(): Promise<void>
}

export interface ProxyOptions {
  /** Of the server, on 127.0.0.1. It need not be there yet. */
  readonly to: number
  readonly port?: number
  /** For jitter: 0 to below 1. */
  readonly random?: () => number
}

interface Connection {
  readonly sockets: readonly [client: Socket, server: Socket]
  readonly pipes: Readonly<Record<Direction, Pipe>>
}

/** A proxy that is closed with its scope. */
export const openProxy = async (scope: Scope, options: ProxyOptions): Promise<FaultProxy> => {
  const port = options.port ?? (await freePort())
  const connections = new Set<Connection>()
  const severed = new Set<Direction>()
  let faults: Faults = {}
  const server = createServer({ allowHalfOpen: true, noDelay: true }, client => {
    const connection = joined(client, options, () => faults)
    connections.add(connection)
    for (const socket of connection.sockets)
      socket.on('close', () => {
        if (connection.sockets.every(({ destroyed }) => destroyed)) connections.delete(connection)
      })
    for (const direction of severed) connection.pipes[direction].sever()
  })
  const each = (run: (socket: Socket) => void): void => {
    for (const { sockets } of connections) for (const socket of sockets) run(socket)
  }
  const reset = (): void => each(socket => socket.resetAndDestroy())
  const close = async (end: () => void): Promise<void> => {
    if (!server.listening) return end()
    const closed = once(server, 'close')
    server.close()
    end()
    await closed
  }
  await listen(server, port)
  scope.after(() => close(() => each(socket => socket.destroy())))
  return {
    port,
    connections: () => connections.size,
    faults: changed => {
      faults = changed
    },
    reset,
    halfOpen(...directions) {
      for (const direction of directions) {
        severed.add(direction)
        for (const { pipes } of connections) pipes[direction].sever()
      }
    },
    heal: () => severed.clear(),
    down: () => close(reset),
    up: () => listen(server, port),
  }
}

const listen = async (server: Server, port: number): Promise<void> => {
  if (server.listening) return
  const listening = once(server, 'listening')
  server.listen(port, '127.0.0.1')
  await listening
}

const joined = (client: Socket, { to, random = Math.random }: ProxyOptions, faults: () => Faults): Connection => {
  const server = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  const sockets = [client, server] as const
  let passedBytes = 0
  const reset = (): void => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  const context = {
    faults,
    random,
    reset,
    allow: (bytes: number): number => {
      const allowed = Math.min(bytes, Math.max(0, (faults().limitBytes ?? Infinity) - passedBytes))
      passedBytes += allowed
      return allowed
    },
  }
  const pipes = { toServer: openPipe(client, server, context), toClient: openPipe(server, client, context) }
  // A refused, reset or failed connection of one side is a reset for the other, unless the news is lost on its way.
  client.on('error', () => pipes.toServer.isSevered() || server.resetAndDestroy())
  server.on('error', () => pipes.toClient.isSevered() || client.resetAndDestroy())
  client.on('close', () => pipes.toServer.isSevered() || server.destroySoon())
  server.on('close', () => pipes.toClient.isSevered() || client.destroySoon())
  return { sockets, pipes }
}
