/**
 * One block of LZ4: literals and matches in turn. A match copies what stands up to 65,535 bytes before.
 *
 *   token ─ more of the literals' length ─ literals ─ offset (2) ─ more of the match's length ─ token …
 */

const MIN_MATCH = 4
/** A decoder may count on both: the end of a block is literals, and no match begins near it. */
const LAST_LITERALS = 5
const LAST_MATCH_BEFORE_END = 12
const HASH_BITS = 13
/** From where a length goes on in bytes of its own. */
const LONG = 15

/** The block, or undefined where it would not be smaller. At most 65,536 bytes: all of it can then be reached. */
export const encodeBlock = (bytes: Uint8Array): Uint8Array | undefined => {
  const out = new Uint8Array(bytes.length + Math.ceil(bytes.length / 255) + 16)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  /** Where these four bytes were seen last, plus one. */
  const seen = new Int32Array(1 << HASH_BITS)
  let [at, literalsFrom, end] = [0, 0, 0]
  while (at < bytes.length - LAST_MATCH_BEFORE_END) {
    const word = view.getUint32(at, true)
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS)
    const before = (seen[slot] ?? 0) - 1
    seen[slot] = at + 1
    if (before < 0 || view.getUint32(before, true) !== word) {
      // What does not repeat itself is passed over in growing steps.
      at += 1 + ((at - literalsFrom) >> 6)
      continue
    }
    const matchEnd = endOfMatch(bytes, before, at)
    end = putSequence(out, end, bytes.subarray(literalsFrom, at), { offset: at - before, length: matchEnd - at })
    at = matchEnd
    literalsFrom = matchEnd
  }
  end = putSequence(out, end, bytes.subarray(literalsFrom))
  return end < bytes.length ? out.subarray(0, end) : undefined
}

const endOfMatch = (bytes: Uint8Array, before: number, at: number): number => {
  const limit = bytes.length - LAST_LITERALS
  let end = at + MIN_MATCH
  while (end < limit && bytes[end] === bytes[before + end - at]) end += 1
  return end
}

interface Match {
  readonly offset: number
  readonly length: number
}

const putSequence = (out: Uint8Array, from: number, literals: Uint8Array, match?: Match): number => {
  const more = match ? match.length - MIN_MATCH : 0
  out[from] = (Math.min(literals.length, LONG) << 4) | Math.min(more, LONG)
  let end = putLength(out, from + 1, literals.length)
  out.set(literals, end)
  end += literals.length
  if (!match) return end
  out[end] = match.offset & 0xff
  out[end + 1] = match.offset >> 8
  return putLength(out, end + 2, more)
}

const putLength = (out: Uint8Array, from: number, length: number): number => {
  if (length < LONG) return from
  let [end, left] = [from, length - LONG]
  for (; left >= 255; left -= 255) out[end++] = 255
  out[end] = left
  return end + 1
}

/** Unpacks into `out` from `start`, never beyond `limit`, and answers where it ended. Throws where the block is broken. */
export const decodeBlock = (block: Uint8Array, out: Uint8Array, start: number, limit: number): number => {
  let [at, end] = [0, start]
  const lengthFrom = (first: number): number => {
    let length = first
    if (first < LONG) return length
    for (;;) {
      const byte = block[at++]
      if (byte === undefined) throw broken()
      length += byte
      if (byte < 255) return length
    }
  }
  while (at < block.length) {
    const token = block[at++] ?? 0
    const literals = lengthFrom(token >> 4)
    if (at + literals > block.length || end + literals > limit) throw broken()
    out.set(block.subarray(at, at + literals), end)
    at += literals
    end += literals
    if (at === block.length) return end
    const offset = (block[at] ?? 0) | ((block[at + 1] ?? 0) << 8)
    at += 2
    const length = lengthFrom(token & LONG) + MIN_MATCH
    if (offset === 0 || offset > end || end + length > limit) throw broken()
    copyMatch(out, end - offset, end, length)
    end += length
  }
  return end
}

/** A match may reach into what it is about to write: `aaaa` is one `a` and a match one byte back. */
const copyMatch = (out: Uint8Array, from: number, to: number, length: number): void => {
  if (from + length <= to) out.copyWithin(to, from, from + length)
  else for (let index = 0; index < length; index += 1) out[to + index] = out[from + index] ?? 0
}

const broken = (): Error => new Error('a block is broken or larger than its frame allows')
