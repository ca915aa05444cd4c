/**
 * What travels over the socketpair between the host and an environment.
 *
 *   u32 length │ u8 kind │ u32 id │ u32 header length │ header: JSON │ body: raw bytes
 *              └──────────────────── length counts these ─────────────────────────┘
 *
 * Little endian. Bodies of records are in the body, one after the other, exactly as they are; they are never text.
 */
import { type Message, NO_BODIES } from '../wire/message.ts'

const LENGTH_BYTES = 4
const FIXED_BYTES = 9
/** The length and the kind: what has to be known before there is memory for the rest. */
const HEAD_BYTES = LENGTH_BYTES + 1

/** Up to here one copy and one write are cheaper than a write for each body. */
const COPY_UP_TO_BYTES = 1_048_576

/** Where a frame may be put together: at least this many bytes, which nobody else uses. */
export type Allocate = (bytes: number) => Buffer

/** The buffers of a frame, to be written in this order without anything between. */
export const encodeFrame = (
  kind: number,
  id: number,
  header: string,
  bodies: readonly Uint8Array[] = NO_BODIES,
  allocate: Allocate = Buffer.allocUnsafe,
): readonly Uint8Array[] => {
  let bodyBytes = 0
  for (const body of bodies) bodyBytes += body.byteLength
  const headerBytes = Buffer.byteLength(header)
  const startBytes = LENGTH_BYTES + FIXED_BYTES + headerBytes
  const copied = bodyBytes <= COPY_UP_TO_BYTES
  const frameBytes = copied ? startBytes + bodyBytes : startBytes
  const start = allocate(frameBytes)
  start.writeUInt32LE(FIXED_BYTES + headerBytes + bodyBytes, 0)
  start[4] = kind
  start.writeUInt32LE(id, 5)
  start.writeUInt32LE(headerBytes, 9)
  start.write(header, LENGTH_BYTES + FIXED_BYTES)
  if (!copied) return [start.subarray(0, frameBytes), ...bodies]
  let at = startBytes
  for (const body of bodies) {
    start.set(body, at)
    at += body.byteLength
  }
  return [start.subarray(0, frameBytes)]
}

/**
 * Memory that is used again for each frame: fresh memory costs more than the copy into it. Only for frames of which
 * the last was taken by the kernel before the next is made.
 */
export const scratch = (): Allocate => {
  let buffer = Buffer.allocUnsafe(0)
  return bytes => {
    if (buffer.length < bytes) buffer = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * buffer.length))
    return buffer
  }
}

/**
 * Takes chunks as they come and calls `onFrame` for each whole frame. Throws a RangeError when the bytes are no frames,
 * or one is larger than `maxBytes` says of its kind: whoever wrote them is not to be listened to any longer. Frames of chunks whose
 * memory will be `reused` are copied.
 */
export const frameReader = (
  maxBytes: (kind: number) => number,
  chunks: 'lasting' | 'reused',
  onFrame: (frame: Message) => void,
): ((chunk: Buffer) => void) => {
  const head = Buffer.alloc(HEAD_BYTES)
  let headFilled = 0
  let partial: Buffer | undefined
  let filled = 0

  const checked = (length: number, kind: number): number => {
    if (length < FIXED_BYTES || length > maxBytes(kind))
      throw new RangeError(`a frame of kind ${kind} with ${length} bytes; expected ${FIXED_BYTES} to ${maxBytes(kind)}`)
    return length
  }
  const takeHead = (chunk: Buffer, from: number): number => {
    const taken = Math.min(HEAD_BYTES - headFilled, chunk.length - from)
    chunk.copy(head, headFilled, from, from + taken)
    headFilled += taken
    if (headFilled === HEAD_BYTES) {
      const kind = head[LENGTH_BYTES] as number
      partial = Buffer.allocUnsafe(checked(head.readUInt32LE(0), kind))
      partial[0] = kind
      filled = 1
      headFilled = 0
    }
    return from + taken
  }
  const takeRest = (frame: Buffer, chunk: Buffer, from: number): number => {
    const taken = Math.min(frame.length - filled, chunk.length - from)
    chunk.copy(frame, filled, from, from + taken)
    filled += taken
    if (filled === frame.length) {
      partial = undefined
      onFrame(parseFrame(frame))
    }
    return from + taken
  }
  return chunk => {
    let at = 0
    while (at < chunk.length) {
      if (partial) at = takeRest(partial, chunk, at)
      else if (headFilled > 0 || chunk.length - at < HEAD_BYTES) at = takeHead(chunk, at)
      else {
        const from = at + LENGTH_BYTES
        const length = checked(chunk.readUInt32LE(at), chunk[from] as number)
        if (chunks === 'lasting' && chunk.length - from >= length) {
          onFrame(parseFrame(chunk.subarray(from, from + length)))
          at = from + length
        } else at = takeHead(chunk, at)
      }
    }
  }
}

const parseFrame = (frame: Buffer): Message => {
  const headerEnd = FIXED_BYTES + frame.readUInt32LE(5)
  if (headerEnd > frame.length) throw new RangeError('a frame whose header is longer than the frame')
  return {
    kind: frame[0] ?? 0,
    id: frame.readUInt32LE(1),
    header: headerEnd === FIXED_BYTES ? '' : frame.toString('utf8', FIXED_BYTES, headerEnd),
    body: frame.subarray(headerEnd),
  }
}
