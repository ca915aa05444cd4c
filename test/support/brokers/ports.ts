import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the range from which the system takes ports for outgoing connections: a restart must find its port free. Each process
 * has some for itself, in turn: what looks free to two of them at once is taken by one before the other has started.
 */
const FIRST_PORT = 20_000
const PORTS = 100
const PROCESSES = 120

const first = FIRST_PORT + (process.pid % PROCESSES) * PORTS
let given = 0

/** A port of 127.0.0.1 on which nothing listens. */
export const freePort = async (): Promise<number> => {
  for (let tried = 0; tried < PORTS; tried += 1) {
    const port = first + (given % PORTS)
    given += 1
    if (await canListen(port)) return port
  }
  throw new Error(`of the ports ${first} to ${first + PORTS - 1} none is free`)
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
