/** Bodies in a frame: their lengths are in the header, -1 for none (null), their bytes one after the other. */

export const NO_BODY = -1

export const lengthOf = (body: Uint8Array | null): number => (body === null ? NO_BODY : body.byteLength)

/** Hands out the bodies in order, without copying. Throws a RangeError when the region ends too early. */
export const bodyReader = (region: Buffer): ((length: number) => Buffer | null) => {
  let at = 0
  return length => {
    if (length === NO_BODY) return null
    const end = at + length
    if (end > region.length) throw new RangeError('a frame whose bodies are shorter than its header says')
    const body = region.subarray(at, end)
    at = end
    return body
  }
}
