/**
 * The values of a batch by kind: numbers as doubles, texts as one text that is cut by their lengths. A hundred numbers
 * or texts one by one as JSON cost either side more than the rest of a request.
 */

const NUMBER_BYTES = 8

/** Columns of `count` numbers each, one column after the other. */
export interface NumberColumns {
  readonly numbers: Float64Array
  readonly bytes: Uint8Array
}

export const numberColumns = (count: number, columns: number): NumberColumns => {
  const numbers = new Float64Array(count * columns)
  return { numbers, bytes: new Uint8Array(numbers.buffer) }
}

/** Reads what {@link numberColumns} wrote, from the start of `region`. Throws a RangeError when it is too short. */
export const readNumbers = (region: Buffer, count: number, columns: number): Float64Array => {
  const bytes = count * columns * NUMBER_BYTES
  if (region.length < bytes) throw new RangeError('a frame whose numbers are shorter than its header says')
  // Copied, because doubles have to lie where a frame's body rarely begins.
  return new Float64Array(region.buffer.slice(region.byteOffset, region.byteOffset + bytes) as ArrayBuffer)
}

export const bytesOfNumbers = (count: number, columns: number): number => count * columns * NUMBER_BYTES

/** Cuts texts off the front, one after the other. */
export const textReader = (joined: string): ((length: number) => string) => {
  let at = 0
  return length => {
    const text = joined.substring(at, at + length)
    at += length
    return text
  }
}
