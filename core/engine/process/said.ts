/** Bounds on what an environment says to its host: a function can write to the socketpair whatever it likes. */
import { MESSAGE, type Message } from '../wire/message.ts'

const MB = 1_048_576
/** An answer has 6 MB; beside it stands why records were refused, for as many as a batch has. */
const MAX_ANSWER_BYTES = 32 * MB
const MAX_SEND_BYTES = 256 * MB
const MAX_OTHER_BYTES = MB

/** Checked before there is memory for the frame. */
export const maxFrameBytes = (kind: number): number => {
  if (kind === MESSAGE.send) return MAX_SEND_BYTES
  return kind === MESSAGE.answered || kind === MESSAGE.failed ? MAX_ANSWER_BYTES : MAX_OTHER_BYTES
}

/** What a function asked to be sent and was not told of yet is in the host's memory: beyond this it is not listened to. */
const MAX_SENDS = 1_000
const MAX_SENDS_BYTES = 64 * MB

export interface SendWindow {
  asked(message: Message): void
  settled(id: number): void
}

/** Stops reading from `socket` while too much is asked for; the function then waits, and its own memory fills. */
export const createSendWindow = (socket: { pause(): unknown; resume(): unknown }): SendWindow => {
  const open = new Map<number, number>()
  let openBytes = 0
  const isFull = (): boolean => open.size >= MAX_SENDS || openBytes >= MAX_SENDS_BYTES
  return {
    asked({ id, header, body }) {
      const bytes = header.length + body.length
      openBytes += bytes - (open.get(id) ?? 0)
      open.set(id, bytes)
      if (isFull()) socket.pause()
    },
    settled(id) {
      const wasFull = isFull()
      openBytes -= open.get(id) ?? 0
      open.delete(id)
      if (wasFull && !isFull()) socket.resume()
    },
  }
}
