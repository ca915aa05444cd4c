/** A child process on a socketpair, with frames of a length and bytes: nothing of Millrace is in it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'

export interface RawChild {
  roundTrip(body: Uint8Array): Promise<void>
  close(): Promise<void>
}

/** `json`: the child parses each body as JSON, as a function that is given objects would have it. */
export const rawChild = async (reads: 'bytes' | 'json'): Promise<RawChild> => {
  const child = spawn(process.execPath, [`${import.meta.dirname}/raw-child-main.ts`, reads], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  })
  const socket = child.stdio[3] as Duplex
  let answered: (() => void) | undefined
  socket.on('data', () => answered?.())
  await new Promise<void>(resolve => {
    answered = resolve
  })
  const length = Buffer.alloc(4)
  return {
    roundTrip: body =>
      new Promise(resolve => {
        answered = resolve
        length.writeUInt32BE(body.byteLength)
        socket.cork()
        socket.write(length)
        socket.write(body)
        socket.uncork()
      }),
    async close() {
      socket.end()
      await once(child, 'exit')
    },
  }
}
