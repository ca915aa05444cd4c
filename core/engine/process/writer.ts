/** Writes frames to an environment: those of one turn together, because each write wakes it and costs a call of the system. */
import type { Duplex } from 'node:stream'
import { encodeFrame, scratch } from './frames.ts'

export interface FrameWriter {
  /** Soon, and in the order of the calls. `bodies` are not to be changed until the environment has answered. */
  write(kind: number, id: number, header: string, bodies?: readonly Uint8Array[]): void
  /** Until it is called everything waits. */
  open(): void
}

export const frameWriter = (socket: Duplex): FrameWriter => {
  const reused = scratch()
  let waiting: Uint8Array[] = []
  let state: 'held' | 'open' | 'due' = 'held'

  const flush = (): void => {
    state = 'open'
    const buffers = waiting
    waiting = []
    if (buffers.length > 1) socket.cork()
    for (const buffer of buffers) socket.write(buffer)
    if (buffers.length > 1) socket.uncork()
  }
  return {
    write(kind, id, header, bodies) {
      // Memory is used again only once the kernel has all that was in it.
      const allocate = waiting.length === 0 && socket.writableLength === 0 ? reused : Buffer.allocUnsafe
      waiting.push(...encodeFrame(kind, id, header, bodies, allocate))
      if (state !== 'open') return
      state = 'due'
      queueMicrotask(flush)
    },
    open: flush,
  }
}
