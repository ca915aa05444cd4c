/**
 * Ids of dead letters: 12 characters that a person can read out and type, and that sort by the time of parking.
 *
 *   0 1 k p w 7 2 g 3  0 0 1
 *   └ milliseconds ─┘  └ counts up within one
 *
 * The alphabet is Crockford's: no i, l, o or u.
 */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const BITS_PER_CHAR = 5n
const ID_CHARS = 12
const COUNTER_BITS = 15n

/**
 * The id after `last` (the highest of the store, undefined in an empty one) for a letter parked `atMs` milliseconds
 * after the epoch. Always higher than `last`, also when the clock was set back; good until the year 3084.
 */
export const nextLetterId = (last: string | undefined, atMs: number): string => {
  const byTime = BigInt(Math.trunc(atMs)) << COUNTER_BITS
  const byOrder = last === undefined ? 0n : decode(last) + 1n
  return encode(byTime > byOrder ? byTime : byOrder)
}

/** No letter parked at this time or later has a lower id, as far as the clock was not set back. */
export const lowestIdAt = (atMs: number): string => encode(BigInt(Math.max(0, Math.ceil(atMs))) << COUNTER_BITS)

/** What a person typed, as the id that was meant: upper case, o for 0, i or l for 1, spaces and dashes are forgiven. */
export const typedLetterId = (typed: string): string =>
  typed.toLowerCase().replaceAll(/[\s-]/g, '').replaceAll('o', '0').replaceAll(/[il]/g, '1')

export const isLetterId = (text: string): boolean =>
  text.length === ID_CHARS && [...text].every(char => ALPHABET.includes(char))

const encode = (number: bigint): string => {
  let id = ''
  for (let index = 0; index < ID_CHARS; index += 1) {
    const shift = BITS_PER_CHAR * BigInt(ID_CHARS - 1 - index)
    id += ALPHABET.charAt(Number((number >> shift) & 31n))
  }
  return id
}

const decode = (id: string): bigint => {
  let number = 0n
  for (const char of id) number = (number << BITS_PER_CHAR) | BigInt(ALPHABET.indexOf(char))
  return number
}
