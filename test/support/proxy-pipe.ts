/** One direction of one connection through the proxy. */

import type { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { sleep, systemClock } from '../../core/clock.ts'

/** `toServer` is what the client says, `toClient` what the server answers. */
export type Direction = 'toServer' | 'toClient'

export interface Faults {
  /** Every piece arrives this much later; default 0. Order is kept, throughput is not limited. */
  readonly latencyMs?: number
  /** … and up to this much earlier or later; default 0. */
  readonly jitterMs?: number
  /** Pieces are passed on in parts of this size, each a packet of its own; default: as they come. */
  readonly sliceBytes?: number
  /** A connection is reset after this many bytes of both directions together; default: never. */
  readonly limitBytes?: number
}

export interface Pipe {
  /** From now on nothing arrives, and neither side is told: not even that the other one has gone. */
  sever(): void
  readonly isSevered: () => boolean
}

export interface PipeContext {
  readonly faults: () => Faults
  readonly random: () => number
  /** How many of `bytes` this connection may still pass on. */
  readonly allow: (bytes: number) => number
  readonly reset: () => void
}

/** As much as waits in the proxy before it stops reading. */
const MAX_WAITING_BYTES = 1_000_000

export const openPipe = (from: Socket, to: Socket, { faults, random, allow, reset }: PipeContext): Pipe => {
  let severed = false
  let waitingBytes = 0
  let tail = Promise.resolve()
  let lastArrival = 0

  const delay = async (): Promise<void> => {
    const { latencyMs = 0, jitterMs = 0 } = faults()
    const wanted = systemClock.monotonic() + latencyMs + (random() * 2 - 1) * jitterMs
    lastArrival = Math.max(lastArrival, wanted)
    const waitMs = lastArrival - systemClock.monotonic()
    if (waitMs > 0) await sleep(systemClock, waitMs)
  }

  const pass = async (piece: Buffer): Promise<void> => {
    const { sliceBytes = piece.length } = faults()
    const allowed = allow(piece.length)
    for (let at = 0; at < allowed; at += sliceBytes) {
      if (severed || to.destroyed) return
      if (at > 0) await setImmediate()
      to.write(piece.subarray(at, Math.min(at + sliceBytes, allowed)))
    }
    if (allowed < piece.length) to.write('', reset)
  }

  /** What `run` does happens after everything that was said before. */
  const inTurn = (run: () => void | Promise<void>): Promise<void> => {
    const delayed = delay()
    tail = Promise.all([tail, delayed]).then(() => (severed || to.destroyed ? undefined : run()))
    return tail
  }

  from.on('data', (piece: Buffer) => {
    if (severed) return
    waitingBytes += piece.length
    if (waitingBytes > MAX_WAITING_BYTES) from.pause()
    void inTurn(() => pass(piece)).then(() => {
      waitingBytes -= piece.length
      from.resume()
    })
  })
  from.on('end', () => void inTurn(() => void to.end()))
  return {
    sever: () => {
      severed = true
    },
    isSevered: () => severed,
  }
}
