/** What a runtime sends, read to its end or to the limit. */
import type { IncomingMessage } from 'node:http'
import { MAX_PAYLOAD_BYTES } from './protocol.ts'

export type Body =
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  /** What was beyond the limit was thrown away unread. */
  | { readonly kind: 'too-large'; readonly length: number }
  /** The connection ended first. */
  | { readonly kind: 'broken'; readonly length: number }

/** A client that has been told nothing yet goes on sending; beyond this it is cut off. */
const MAX_DRAINED_BYTES = 64 * 1_048_576

/** Never rejects. */
export const readBody = (request: IncomingMessage): Promise<Body> =>
  new Promise(resolve => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= MAX_PAYLOAD_BYTES) chunks.push(chunk)
      else chunks.length = 0
      if (length > MAX_DRAINED_BYTES) request.destroy()
    })
    request.on('end', () =>
      resolve(
        length > MAX_PAYLOAD_BYTES
          ? { kind: 'too-large', length }
          : { kind: 'whole', bytes: Buffer.concat(chunks, length) },
      ),
    )
    request.on('error', () => {})
    // After `end` it changes nothing.
    request.on('close', () => resolve({ kind: length > MAX_PAYLOAD_BYTES ? 'too-large' : 'broken', length }))
  })
