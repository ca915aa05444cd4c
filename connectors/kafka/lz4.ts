/**
 * LZ4 frames as Kafka has them. Written here, since lz4js writes blocks that build on each other, which Java's clients and
 * brokers refuse, and reads without looking where its input ends.
 */
import { decodeBlock, encodeBlock } from './lz4-block.ts'

const MAGIC = 0x184d2204
/** Version 1, blocks that stand alone, of at most 64 KB; and the checksum of just that. */
const HEADER = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82])
const BLOCK_BYTES = 65_536
const RAW = 0x80000000
const END = Buffer.alloc(4)

export const lz4Compress = (bytes: Uint8Array): Buffer => {
  const parts: Uint8Array[] = [HEADER]
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    const block = bytes.subarray(at, at + BLOCK_BYTES)
    const smaller = encodeBlock(block)
    const size = Buffer.alloc(4)
    size.writeUInt32LE(smaller ? smaller.length : (RAW | block.length) >>> 0)
    parts.push(size, smaller ?? block)
  }
  return Buffer.concat([...parts, END])
}

/** Throws where the frame is not whole or not one, or is more than `maxBytes` unpacked. Checksums are not looked at. */
export const lz4Decompress = (frame: Buffer, maxBytes: number): Buffer => {
  const { blocksAt, blockBytes, blockSumBytes } = readHeader(frame)
  let out: Buffer = Buffer.alloc(Math.min(maxBytes, Math.max(blockBytes, 4 * frame.length)))
  let [at, end] = [blocksAt, 0]
  for (;;) {
    const word = frame.readUInt32LE(at)
    if (word === 0) return out.subarray(0, end)
    const size = word & ~RAW
    const block = frame.subarray(at + 4, at + 4 + size)
    if (block.length < size) throw new Error('it ends in the middle of a block')
    if (end + blockBytes > out.length) out = grown(out, end + blockBytes, maxBytes)
    const limit = Math.min(end + blockBytes, out.length)
    end = word >= RAW ? copyBlock(block, out, end, limit) : decodeBlock(block, out, end, limit)
    at += 4 + size + blockSumBytes
  }
}

const copyBlock = (block: Buffer, out: Buffer, end: number, limit: number): number => {
  if (end + block.length > limit) throw new Error('a block is larger than its frame allows')
  return end + block.copy(out, end)
}

/** What was unpacked before is kept together: where blocks build on each other, they reach back into it. */
const grown = (out: Buffer, wantedBytes: number, maxBytes: number): Buffer => {
  const bigger = Buffer.alloc(Math.min(maxBytes, Math.max(wantedBytes, 2 * out.length)))
  out.copy(bigger)
  return bigger
}

interface Header {
  readonly blocksAt: number
  /** What a block may be unpacked. */
  readonly blockBytes: number
  readonly blockSumBytes: 0 | 4
}

const readHeader = (frame: Buffer): Header => {
  if (frame.readUInt32LE(0) !== MAGIC) throw new Error('it does not begin as a frame does')
  const [flags, sizes] = [frame.readUInt8(4), frame.readUInt8(5)]
  const sizeCode = (sizes >> 4) & 7
  if (flags >> 6 !== 1 || sizeCode < 4) throw new Error('it is of another version')
  const sizeBytes = flags & 8 ? 8 : 0
  const dictionaryBytes = flags & 1 ? 4 : 0
  return {
    blocksAt: 7 + sizeBytes + dictionaryBytes,
    blockBytes: BLOCK_BYTES << (2 * (sizeCode - 4)),
    blockSumBytes: flags & 16 ? 4 : 0,
  }
}
