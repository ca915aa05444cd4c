/** Messages between the host and a thread: lists of kind, id, header and bytes, posted rather than written. */
import { type Message, NO_BODIES } from '../wire/message.ts'

export type Posted = readonly [kind: number, id: number, header: string, body?: Uint8Array<ArrayBuffer>]

interface Port {
  postMessage(message: Posted, transfer?: readonly ArrayBuffer[]): void
}

/** The bodies are put together in memory of their own, which goes to the other side without another copy. */
export const post = (
  port: Port,
  kind: number,
  id: number,
  header: string,
  bodies: readonly Uint8Array[] = NO_BODIES,
): void => {
  if (bodies.length === 0) port.postMessage([kind, id, header])
  else postWith(port, kind, id, header, bodies)
}

const postWith = (port: Port, kind: number, id: number, header: string, bodies: readonly Uint8Array[]): void => {
  let bytes = 0
  for (const body of bodies) bytes += body.byteLength
  const joined = new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer)
  let at = 0
  for (const body of bodies) {
    joined.set(body, at)
    at += body.byteLength
  }
  port.postMessage([kind, id, header, joined], [joined.buffer])
}

export const received = ([kind, id, header, body]: Posted): Message => ({
  kind,
  id,
  header,
  body: body ? Buffer.from(body.buffer, body.byteOffset, body.byteLength) : NO_BYTES,
})

const NO_BYTES = Buffer.alloc(0)
