/**
 * A body becomes what a function sees as `data`. Runs inside the environment: hostile bytes stay there.
 *
 *   bytes ── codec ──▶ value ── schema ──▶ data
 *              │                   │
 *         undecodable           invalid          a verdict on this record alone, never an exception
 */
import type { Channel, CodecOption } from '../config/channel.ts'
import type { ErrorInfo } from '../contract.ts'
import type { CodecName, RefusedRecord } from '../engine/contract.ts'
import { errorInfo, type Issue } from '../errors.ts'
import { checkSchema } from './schema.ts'
import { checkedText, type ReadText } from './text.ts'

export type Decoded =
  | { readonly data: unknown; readonly verdict?: undefined }
  | {
      readonly verdict: RefusedRecord['verdict']
      readonly error: ErrorInfo
      /** What the schema found, where it was the schema. */
      readonly issues?: readonly Issue[]
    }

/** A promise only where the codec or the schema made one. A tombstone skips the codec; the schema sees null. */
export type Decode = (body: Uint8Array | null, readText: ReadText) => Decoded | Promise<Decoded>

export const decoderOf = (channel: Pick<Channel, 'address' | 'codec' | 'schema'>): Decode => {
  const { address, schema } = channel
  const decodeBody = bodyDecoder(address, channel.codec)
  if (!schema) return decodeBody
  const check = (decoded: Decoded): Decoded | Promise<Decoded> => {
    if (decoded.verdict) return decoded
    const checked = checkSchema(schema, decoded.data)
    return checked instanceof Promise ? checked.then(judge) : judge(checked)
  }
  const judge = (checked: Awaited<ReturnType<typeof checkSchema>>): Decoded =>
    checked.ok ? { data: checked.value } : { ...refuse('invalid', address, checked.problem), issues: checked.issues }
  return (body, readText) => {
    const decoded = decodeBody(body, readText)
    return decoded instanceof Promise ? decoded.then(check) : check(decoded)
  }
}

/** For a plain function, which knows the channel only by the name of its codec. */
export const namedDecoder = (address: string, codec: Exclude<CodecName, 'custom'>): Decode =>
  bodyDecoder(address, codec)

const TOMBSTONE: Decoded = { data: null }

const bodyDecoder = (address: string, codec: CodecOption): Decode => {
  switch (codec) {
    case 'json':
      return (body, readText) => (body === null ? TOMBSTONE : decodeJson(address, body, readText))
    case 'text':
      return body => (body === null ? TOMBSTONE : decodeText(address, body))
    case 'bytes':
      return body => ({ data: body })
    default:
      return body => (body === null ? TOMBSTONE : decodeCustom(address, codec, body))
  }
}

const decodeJson = (address: string, body: Uint8Array, readText: ReadText): Decoded => {
  const text = readText(body)
  if (text === undefined) return notUtf8(address, body)
  try {
    return { data: JSON.parse(text) }
  } catch (thrown) {
    const got = body.byteLength === 0 ? 'it is empty' : errorInfo(thrown).message
    return refuse('undecodable', address, `the body is not JSON: ${got}`)
  }
}

/** A text of its own and not a part of the text of the whole batch, which it would keep alive. */
const decodeText = (address: string, body: Uint8Array): Decoded => {
  const text = checkedText(body)
  return text === undefined ? notUtf8(address, body) : { data: text }
}

const notUtf8 = (address: string, body: Uint8Array): Decoded =>
  refuse('undecodable', address, `the body is not UTF-8 text (${body.byteLength} bytes); codec 'bytes' takes any`)

const decodeCustom = (
  address: string,
  codec: Exclude<CodecOption, string>,
  body: Uint8Array,
): Decoded | Promise<Decoded> => {
  const failed = (thrown: unknown): Decoded =>
    refuse('undecodable', address, `the codec threw: ${errorInfo(thrown).message}`)
  try {
    const data = codec.decode(body)
    return data instanceof Promise ? data.then(value => ({ data: value }), failed) : { data }
  } catch (thrown) {
    return failed(thrown)
  }
}

const MAX_MESSAGE_CHARS = 4_096

const refuse = (
  verdict: RefusedRecord['verdict'],
  address: string,
  problem: string,
): Exclude<Decoded, { verdict?: undefined }> => ({
  verdict,
  error: {
    name: verdict === 'invalid' ? 'RecordInvalid' : 'RecordUndecodable',
    code: verdict === 'invalid' ? 'RECORD_INVALID' : 'RECORD_UNDECODABLE',
    message: `${address}: ${problem}`.slice(0, MAX_MESSAGE_CHARS),
  },
})
