/** A body that somebody waits with is checked in the host, before it takes an environment: by codec, depth and schema. */
import type { AnyChannel } from '../config/channel.ts'
import { MillraceError } from '../errors.ts'
import { type Decoded, decoderOf } from './decode.ts'
import { checkedText } from './text.ts'

/** What is nested deeper is refused: code that walks a value, schemas included, would run out of stack. */
export const MAX_JSON_DEPTH = 200

export type BodyCheck = (body: Uint8Array | null) => MillraceError | undefined | Promise<MillraceError | undefined>

/**
 * Answers RECORD_UNDECODABLE or RECORD_INVALID with all issues, undefined for a right body. Never throws or rejects. Meant
 * for whoever sent the body, so it does not say to which channel it would have gone.
 */
export const bodyCheck = (channel: Pick<AnyChannel, 'address' | 'codec' | 'schema'>): BodyCheck => {
  const decode = decoderOf(channel)
  return body => {
    if (channel.codec === 'json' && body !== null && isTooDeep(body))
      return new MillraceError('RECORD_UNDECODABLE', `the body is JSON that is nested more than ${MAX_JSON_DEPTH} deep`)
    const judge = (decoded: Decoded): MillraceError | undefined => problemOf(decoded, `${channel.address}: `)
    const decoded = decode(body, checkedText)
    return decoded instanceof Promise ? decoded.then(judge) : judge(decoded)
  }
}

const problemOf = (decoded: Decoded, prefix: string): MillraceError | undefined =>
  decoded.verdict
    ? new MillraceError(
        decoded.verdict === 'invalid' ? 'RECORD_INVALID' : 'RECORD_UNDECODABLE',
        decoded.error.message.replace(prefix, ''),
        decoded.issues ? { issues: decoded.issues } : {},
      )
    : undefined

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN = new Set([0x5b, 0x7b])
const CLOSE = new Set([0x5d, 0x7d])

/** Counts brackets outside of texts; what is no JSON at all is for the parser to say. */
export const isTooDeep = (body: Uint8Array): boolean => {
  if (body.byteLength <= MAX_JSON_DEPTH) return false
  let depth = 0
  let inText = false
  for (let index = 0; index < body.byteLength; index += 1) {
    const byte = body[index] as number
    if (byte === QUOTE) inText = !inText
    else if (inText) {
      if (byte === BACKSLASH) index += 1
    } else if (OPEN.has(byte)) {
      depth += 1
      if (depth > MAX_JSON_DEPTH) return true
    } else if (CLOSE.has(byte)) depth -= 1
  }
  return false
}
