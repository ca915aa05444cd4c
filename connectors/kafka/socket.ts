/**
 * The sockets of kafkajs. It keeps what it has of an answer when a connection breaks, takes it for the beginning of the
 * first one on the next, and throws out of a listener, which would end the whole process. So it gets whole answers only;
 * what is left of one goes with its socket.
 */
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ISocketFactory } from 'kafkajs'
import { createFrames } from './frames.ts'

/** As kafkajs has it. */
const KEEP_ALIVE_MS = 60_000

/** The sockets of one client. */
export interface Sockets {
  readonly open: ISocketFactory
  /** Breaks those that are open, and any that is opened from now on: nothing that is still asked will be answered. */
  destroy(): void
}

export const createSockets = (): Sockets => {
  const sockets = new Set<Socket>()
  let over: 'yes' | 'no' = 'no'
  // One that kafkajs has ended already only waits for the broker's end: breaking it is not worth a line in the log.
  const end = (socket: Socket): Socket =>
    socket.destroy(socket.writableEnded ? undefined : new Error('the connection is closed'))
  return {
    open(options) {
      const socket = openSocket(options)
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      return over === 'yes' ? end(socket) : socket
    },
    destroy() {
      over = 'yes'
      for (const socket of sockets) end(socket)
    },
  }
}

const openSocket: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const socket = ssl
    ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
    : connect({ host, port }, onConnect)
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  return withoutLeak(inWholeFrames(socket))
}

/**
 * kafkajs disconnects a connection that broke again and again, and each time lets go of the same dead socket, which waits
 * for a connection to do that: after ten of them Node warns of a leak.
 */
const withoutLeak = (socket: Socket): Socket => {
  const unref = socket.unref.bind(socket)
  return Object.assign(socket, { unref: () => (socket.destroyed ? socket : unref()) })
}

const inWholeFrames = (socket: Socket): Socket => {
  const frames = createFrames()
  const listen = socket.on.bind(socket)
  const on = (event: string, listener: (...args: unknown[]) => void): Socket =>
    event === 'data'
      ? listen('data', bytes => pass(socket, () => frames.push(bytes), listener))
      : listen(event, listener)
  return Object.assign(socket, { on })
}

/** Whatever is thrown ends this connection, and nothing else. */
const pass = (socket: Socket, framesOf: () => readonly Buffer[], listener: (frame: Buffer) => void): void => {
  try {
    for (const frame of framesOf()) listener(frame)
  } catch (thrown) {
    socket.destroy(thrown instanceof Error ? thrown : new Error('an answer could not be read', { cause: thrown }))
  }
}
