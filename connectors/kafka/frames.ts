/** Answers of a broker as they are on the wire: four bytes of length, and so many more. */

export interface Frames {
  /** Takes bytes as they come, and answers with all frames they complete, each whole with its length; in their order. */
  push(bytes: Buffer): readonly Buffer[]
}

const LENGTH_BYTES = 4

/** Throws for a length that no answer can have: then these are no frames. */
export const createFrames = (): Frames => {
  let parts: Buffer[] = []
  let held = 0
  let needed = LENGTH_BYTES
  return {
    push(bytes) {
      parts.push(bytes)
      held += bytes.length
      if (held < needed) return []
      const [all = bytes] = parts.length === 1 ? parts : [Buffer.concat(parts, held)]
      const frames: Buffer[] = []
      let at = 0
      needed = frameBytes(all, at)
      while (held - at >= needed && held - at >= LENGTH_BYTES) {
        frames.push(all.subarray(at, at + needed))
        at += needed
        needed = frameBytes(all, at)
      }
      parts = at < held ? [all.subarray(at)] : []
      held -= at
      return frames
    },
  }
}

/** How long the frame is that begins here, as far as can be said. */
const frameBytes = (all: Buffer, at: number): number => {
  if (all.length - at < LENGTH_BYTES) return LENGTH_BYTES
  const length = all.readInt32BE(at)
  if (length >= 0) return LENGTH_BYTES + length
  throw new Error(`a broker's answer of ${length} bytes: what answers there does not speak Kafka's protocol`)
}
