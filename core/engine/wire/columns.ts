/**
 * The values of a batch by kind: numbers as doubles, texts as one text that is cut by their lengths. A hundred numbers
 * or texts one by one as JSON cost either side more than the rest of a request.
 */

const NUMBER_BYTES = 8
const SCRATCH_NUMBERS = 1_024

/** Columns of `count` numbers each, one column after the other. */
export interface NumberColumns {
  readonly numbers: Float64Array
  readonly bytes: Uint8Array
}

export const numberColumns = (count: number, columns: number): NumberColumns => {
  // From Node's pool: a buffer of its own costs several times what is written into it.
  const bytes = Buffer.allocUnsafe(count * columns * NUMBER_BYTES)
  if (bytes.byteOffset % NUMBER_BYTES === 0)
    return { numbers: new Float64Array(bytes.buffer, bytes.byteOffset, count * columns), bytes }
  const numbers = new Float64Array(count * columns)
  return { numbers, bytes: new Uint8Array(numbers.buffer) }
}

let scratch = new Float64Array(SCRATCH_NUMBERS)

/**
 * Reads what {@link numberColumns} wrote, from the start of `region`; valid until the next call. Throws a RangeError when
 * it is too short.
 */
export const readNumbers = (region: Buffer, count: number, columns: number): Float64Array => {
  const bytes = count * columns * NUMBER_BYTES
  if (region.length < bytes) throw new RangeError('a frame whose numbers are shorter than its header says')
  // Copied, because doubles have to lie where a frame's body rarely begins.
  if (scratch.length < count * columns) scratch = new Float64Array(2 * count * columns)
  new Uint8Array(scratch.buffer).set(region.subarray(0, bytes))
  return scratch
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
