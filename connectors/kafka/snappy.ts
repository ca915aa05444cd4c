/** Snappy as Kafka has it: Java's clients frame it in chunks (xerial), others send it bare. By snappyjs, where installed. */
import { createRequire } from 'node:module'

interface Snappyjs {
  compress(bytes: Buffer): Buffer
  /** Throws where there would be more than `maxBytes`. */
  uncompress(bytes: Buffer, maxBytes: number): Buffer
}

export interface Snappy {
  compress(bytes: Buffer): Buffer
  decompress(bytes: Buffer, maxBytes: number): Buffer
}

const require = createRequire(import.meta.url)

/** Undefined where snappyjs is not installed. */
export const loadSnappy = (): Snappy | undefined => {
  try {
    return overChunks(require('snappyjs') as Snappyjs)
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

const MAGIC = Buffer.from([0x82, ...Buffer.from('SNAPPY'), 0])
/** Version 1, which readers of version 1 understand. */
const HEADER = Buffer.concat([MAGIC, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])])
const CHUNK_BYTES = 32_768

const overChunks = ({ compress, uncompress }: Snappyjs): Snappy => ({
  compress(bytes) {
    const parts: Buffer[] = [HEADER]
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      const chunk = compress(bytes.subarray(at, at + CHUNK_BYTES))
      const size = Buffer.alloc(4)
      size.writeInt32BE(chunk.length)
      parts.push(size, chunk)
    }
    return Buffer.concat(parts)
  },
  decompress(bytes, maxBytes) {
    if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return uncompress(bytes, maxBytes)
    const parts: Buffer[] = []
    let leftBytes = maxBytes
    for (let at = HEADER.length; at < bytes.length; ) {
      const size = bytes.readInt32BE(at)
      const chunk = bytes.subarray(at + 4, at + 4 + size)
      if (size <= 0 || chunk.length < size) throw new Error('it ends in the middle of a chunk')
      const part = uncompress(chunk, leftBytes)
      parts.push(part)
      leftBytes -= part.length
      at += 4 + size
      // snappyjs takes a limit of nothing for no limit.
      if (leftBytes === 0 && at < bytes.length) throw new Error(`it is more than ${maxBytes} bytes unpacked`)
    }
    return Buffer.concat(parts)
  },
})
