/** Messages between the host and a thread: lists of kind, id, header and bytes, posted rather than written. */
import { type Message, NO_BODIES } from '../wire/message.ts'

/** The bytes as Latin-1 text where they are few. */
export type Posted = readonly [kind: number, id: number, header: string, body?: string | Uint8Array<ArrayBuffer>]

interface Port {
  postMessage(message: Posted, transfer?: readonly ArrayBuffer[]): void
}

/** Handing memory over costs more than copying text twice, up to about here. */
const TEXT_UP_TO_BYTES = 32_768

export const post = (
  port: Port,
  kind: number,
  id: number,
  header: string,
  bodies: readonly Uint8Array[] = NO_BODIES,
): void => {
  if (bodies.length === 0) {
    port.postMessage([kind, id, header])
    return
  }
  let bytes = 0
  for (const body of bodies) bytes += body.byteLength
  if (bytes <= TEXT_UP_TO_BYTES) {
    join(bodies, textBytes)
    port.postMessage([kind, id, header, textBytes.toString('latin1', 0, bytes)])
    return
  }
  const joined = new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer)
  join(bodies, joined)
  port.postMessage([kind, id, header, joined], [joined.buffer])
}

const textBytes = Buffer.allocUnsafeSlow(TEXT_UP_TO_BYTES)

const join = (bodies: readonly Uint8Array[], target: Uint8Array): void => {
  let at = 0
  for (const body of bodies) {
    target.set(body, at)
    at += body.byteLength
  }
}

export const received = ([kind, id, header, body]: Posted): Message => ({ kind, id, header, body: bytesOf(body) })

const bytesOf = (body: Posted[3]): Buffer => {
  if (body === undefined) return NO_BYTES
  return typeof body === 'string'
    ? Buffer.from(body, 'latin1')
    : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
}

const NO_BYTES = Buffer.alloc(0)
