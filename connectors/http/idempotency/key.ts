/** What a client wrote in `Idempotency-Key`: a Structured Field String, or, as many write it, the same without quotes. */

export type ReadKey = { readonly key: string } | 'missing' | 'malformed'

const MAX_CHARS = 255
/** RFC 9651: printable ASCII in quotes, in which only quotes and backslashes are escaped; parameters say nothing here. */
const QUOTED = /^"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"\s*(?:;.*)?$/
const BARE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x7e]+$/

/** `values`: of every header of that name. Two keys are none: which of them counts nobody can say. */
export const readKey = (values: readonly string[]): ReadKey => {
  const [value, another] = values
  if (value === undefined) return 'missing'
  if (another !== undefined) return 'malformed'
  const text = value.trim()
  const [, quoted] = QUOTED.exec(text) ?? []
  const key = quoted === undefined ? (BARE.test(text) ? text : '') : quoted.replaceAll(/\\(["\\])/g, '$1')
  return key === '' || key.length > MAX_CHARS ? 'malformed' : { key }
}
