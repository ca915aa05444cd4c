/** The environment's end of the socketpair. */
import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Message } from '../wire/message.ts'
import { encodeFrame, frameReader } from './frames.ts'

const HOST_FD = 3
/** As much as a socketpair holds: a batch of a hundred kilobytes is one read. */
const READ_BYTES = 262_144
/** The host is trusted: a batch may be as large as its configuration allows. */
const MAX_FRAME_BYTES = 2 ** 32 - 1

export interface HostLink {
  /** What is written before the process ends reaches the host, as far as the socket has room. */
  write(kind: number, id: number, header: string, bodies?: readonly Uint8Array[]): void
}

export const openHostLink = (onFrame: (frame: Message) => void): HostLink => {
  const read = frameReader(() => MAX_FRAME_BYTES, 'reused', onFrame)
  const socket = new Socket({
    fd: HOST_FD,
    readable: true,
    writable: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (bytes, buffer) => {
        read(Buffer.from(buffer.buffer, buffer.byteOffset, bytes))
        return true
      },
    },
  })
  // Whatever befalls the socket, 'close' follows.
  socket.on('error', () => {})
  socket.on('close', endGroup)
  socket.on('end', endGroup)

  const writeNow = (buffer: Uint8Array): void => {
    if (socket.writableLength > 0) {
      socket.write(buffer)
      return
    }
    const written = writeSome(buffer)
    if (written < buffer.length) socket.write(buffer.subarray(written))
  }
  return {
    write(kind, id, header, bodies) {
      for (const buffer of encodeFrame(kind, id, header, bodies)) writeNow(buffer)
    },
  }
}

/** Straight to the kernel: a handler that loops for ever right after has still said what it had to say. */
const writeSome = (buffer: Uint8Array): number => {
  try {
    return writeSync(HOST_FD, buffer)
  } catch {
    // Full (EAGAIN): the stream waits for room. Closed (EPIPE): the stream finds out by itself, and ends us.
    return 0
  }
}

/** The host is gone: nothing this process or its children do can be told to anybody. */
const endGroup = (): void => {
  process.kill(-process.pid, 'SIGKILL')
}
