/** Answers that are streamed, from the environment to the host: so much ahead of what the caller has taken, and no more. */
import type { AnswerStream } from '../../request-contract.ts'
import { MESSAGE, type Message, NO_BODIES } from '../wire/message.ts'

export interface Pieces {
  open(request: number): AnswerStream
  /** The host says that the caller has taken so many bytes. */
  taken(message: Message): void
  /** The request is over: nobody waits any more. */
  close(request: number): void
}

/** On the way to the caller at once; beyond that a function waits. Nor is a piece larger, of which a host takes no more than 1 MB. */
const WINDOW_BYTES = 262_144

interface Opened {
  ahead: number
  readonly waiting: (() => void)[]
}

type Write = (kind: number, id: number, header: string, bodies: readonly Uint8Array[]) => void

export const createPieces = (write: Write): Pieces => {
  const open = new Map<number, Opened>()
  return {
    open(request) {
      return {
        begin(head) {
          open.set(request, { ahead: 0, waiting: [] })
          write(MESSAGE.piece, request, JSON.stringify(head), NO_BODIES)
        },
        write(piece) {
          const opened = open.get(request)
          if (!opened) throw new TypeError('a piece of an answer that has not begun, or is over')
          opened.ahead += piece.byteLength
          for (let at = 0; at < piece.byteLength; at += WINDOW_BYTES)
            write(MESSAGE.piece, request, '', [piece.subarray(at, at + WINDOW_BYTES)])
          return opened.ahead <= WINDOW_BYTES ? undefined : new Promise(resolve => opened.waiting.push(resolve))
        },
      }
    },
    taken({ id, header }) {
      const opened = open.get(id)
      if (!opened) return
      opened.ahead -= Number(header)
      if (opened.ahead <= WINDOW_BYTES) for (const resolve of opened.waiting.splice(0)) resolve()
    },
    close(request) {
      for (const resolve of open.get(request)?.waiting ?? []) resolve()
      open.delete(request)
    },
  }
}
