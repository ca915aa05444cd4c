import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below the range from which the system takes ports for outgoing connections: a restart must find its port free. */
const FIRST_PORT = 20_000
const LAST_PORT = 32_000

/** A port of 127.0.0.1 on which nothing listens, and which no other process is given while this one lives. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT)
    if ((await reserve(port)) && (await canListen(port))) return port
  }
}

/** By the UDP port of the same number, which nobody here uses: the kernel gives it to one, and takes it back when that ends. */
const reserve = async (port: number): Promise<boolean> => {
  const socket = createSocket('udp4').unref()
  const failed = once(socket, 'error').then(() => false)
  const bound = once(socket, 'listening').then(() => true)
  socket.bind({ port, address: '127.0.0.1', exclusive: true })
  return Promise.race([failed, bound])
}

const canListen = async (port: number): Promise<boolean> => {
  const server = createServer()
  const failed = once(server, 'error').then(() => false)
  const listening = once(server, 'listening').then(() => true)
  server.listen(port, '127.0.0.1')
  const free = await Promise.race([failed, listening])
  if (free) await new Promise(resolve => server.close(resolve))
  return free
}
