/** Bytes as text, without ever guessing: bytes that are not UTF-8 are no text. */
import { isAscii, isUtf8 } from 'node:buffer'

/** Reads a body; undefined when it is not UTF-8. */
export type ReadText = (body: Uint8Array) => string | undefined

export const checkedText: ReadText = body =>
  isAscii(body) ? asBuffer(body).toString('latin1') : isUtf8(body) ? asBuffer(body).toString('utf8') : undefined

const asBuffer = (bytes: Uint8Array): Buffer =>
  bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
