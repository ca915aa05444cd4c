/** `context.send` in an environment: encoded records to the host, and its word on them. */
import type { OutgoingRecord } from '../../contract.ts'
import { MESSAGE, type Message } from '../wire/message.ts'
import { decodeSendError, encodeSend } from '../wire/send.ts'

export interface Sender {
  /** Resolves once the broker confirmed all of them. */
  send(address: string, records: readonly OutgoingRecord[]): Promise<void>
  /** Takes the host's word on one of the calls. */
  settle(message: Message): void
}

interface Pending {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

type Write = (kind: number, id: number, header: string, bodies: readonly Uint8Array[]) => void

export const createSender = (write: Write): Sender => {
  const pending = new Map<number, Pending>()
  let calls = 0
  return {
    send(address, records) {
      calls += 1
      const id = calls
      const { header, bodies } = encodeSend(address, records)
      return new Promise((resolve, reject) => {
        pending.set(id, { resolve, reject })
        write(MESSAGE.send, id, header, bodies)
      })
    },
    settle(message) {
      const call = pending.get(message.id)
      pending.delete(message.id)
      const error = decodeSendError(message.header)
      if (error) call?.reject(error)
      else call?.resolve()
    },
  }
}
