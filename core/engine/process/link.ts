/** The process of an environment as the host holds it: frames one way and the other, its end, and its kill. */
import type { ChildProcess } from 'node:child_process'
import type { Duplex, Readable } from 'node:stream'
import type { Clock } from '../../clock.ts'
import { errorInfo } from '../../errors.ts'
import { encodeFrame, FRAME, type Frame, frameReader, scratch } from './frames.ts'
import type { Output } from './output.ts'

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Set when the process could not be started or spoke nonsense. */
  readonly problem: string | undefined
}

export interface Link {
  readonly pid: number | undefined
  send(kind: number, id: number, header: string): void
  /** A request: not before the last one was answered. */
  request(id: number, header: string, bodies: readonly Uint8Array[]): void
  /** SIGKILL to the process and everything it started. */
  kill(): void
  /** Resolves when the process has ended and what it had written was read. */
  readonly ended: Promise<Exit>
}

/** Grandchildren that left the group may hold the pipes open: their output is not waited for any longer than this. */
const DRAIN_MS = 250
/** What an environment may say in one frame: an answer has 6 MB, records that it sends may be larger. */
const MAX_FRAME_BYTES = 268_435_456

export const createLink = (
  child: ChildProcess,
  clock: Clock,
  output: Output,
  onFrame: (frame: Frame) => void,
): Link => {
  const socket = child.stdio[3] as Duplex
  let problem: string | undefined
  const kill = (): void => killGroup(child)
  const allocate = scratch()
  const write = (buffers: readonly Uint8Array[]): void => {
    if (buffers.length > 1) socket.cork()
    for (const buffer of buffers) socket.write(buffer)
    if (buffers.length > 1) socket.uncork()
  }

  const read = frameReader(MAX_FRAME_BYTES, 'lasting', onFrame)
  socket.on('data', (chunk: Buffer) => {
    if (problem !== undefined) return
    try {
      read(chunk)
    } catch (thrown) {
      problem = `it wrote something to fd 3 that is no frame (${errorInfo(thrown).message}); fd 3 is the runtime's`
      kill()
    }
  })
  // EPIPE or ECONNRESET: the process has ended, and `ended` tells so with more to say.
  socket.on('error', () => {})
  if (child.stdout) output.attach(child.stdout, 'info')
  if (child.stderr) output.attach(child.stderr, 'warn')

  const ended = new Promise<Exit>(resolve => {
    child.once('error', error => {
      problem ??= `its process could not be started: ${error.message}`
      if (child.pid === undefined) resolve({ code: null, signal: null, problem })
    })
    child.once('exit', (code, signal) => {
      kill()
      const finish = (): void => {
        cancel()
        closeAll(child)
        resolve({ code, signal, problem })
      }
      const cancel = clock.after(DRAIN_MS, finish)
      child.once('close', finish)
    })
  })

  return {
    pid: child.pid,
    send: (kind, id, header) => write(encodeFrame(kind, id, header)),
    request: (id, header, bodies) => write(encodeFrame(FRAME.invoke, id, header, bodies, allocate)),
    kill,
    ended,
  }
}

const killGroup = (child: ChildProcess): void => {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    // ESRCH: nothing of the group is left, which is what is wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const closeAll = (child: ChildProcess): void => {
  for (const stream of child.stdio) (stream as Readable | null)?.destroy()
}
