/** A dead letter as JSON text and back without loss: what stores keep and what is exported. */
import type { DeadLetter, EventRecord, HeaderValue } from '../core/contract.ts'
import { MillraceError } from '../core/errors.ts'
import { headersFromText, valueFromJson, valueToJson } from '../core/values.ts'

/** Raised when an older Millrace could no longer read what this one writes. */
export const ENVELOPE_VERSION = 1

type Json = ReturnType<typeof valueToJson>
type JsonObject = { readonly [name: string]: Json }

/**
 * The record in JSON: `key`, `body`, `properties` and `position` as core/values.ts writes them, headers as pairs. Before
 * they were documented, headers were a text, which is still read.
 */
interface RecordJson extends Omit<EventRecord, 'key' | 'headers' | 'properties' | 'body' | 'position'> {
  readonly key: Json
  readonly headers: string | readonly (readonly [name: string, value: Json])[]
  readonly properties?: Json
  readonly body: Json
  readonly position?: Json
}

interface Envelope extends Omit<DeadLetter, 'record'> {
  readonly envelope: number
  readonly record: RecordJson
}

/**
 * The whole letter, its body included. A store that keeps the body beside the text gives the letter without it; bytes
 * cost a third more here.
 */
export const encodeLetter = (letter: DeadLetter): string => {
  const envelope: Envelope = { envelope: ENVELOPE_VERSION, ...letter, record: recordToJson(letter.record) }
  return JSON.stringify(envelope)
}

/** The inverse of {@link encodeLetter}. Throws DEAD_LETTER_UNREADABLE for text of a newer version, or that is none. */
export const decodeLetter = (text: string): DeadLetter => {
  const { envelope: _, record, ...rest } = parse(text)
  return { ...rest, record: recordFromJson(record) }
}

const recordToJson = ({ key, headers, properties, body, position, ...plain }: EventRecord): RecordJson => ({
  ...plain,
  key: valueToJson(key),
  headers: headers.map(([name, value]) => [name, valueToJson(value)] as const),
  ...(properties ? { properties: valueToJson(properties) } : {}),
  body: valueToJson(body),
  ...(position ? { position: valueToJson(position) } : {}),
})

const recordFromJson = ({ key, headers, properties, body, position, ...plain }: RecordJson): EventRecord => ({
  ...plain,
  // JSON has no NaN, which is how a broker's broken time is read.
  time: plain.time ?? Number.NaN,
  key: valueFromJson(key) as EventRecord['key'],
  headers:
    typeof headers === 'string'
      ? headersFromText(headers)
      : headers.map(([name, value]) => [name, valueFromJson(value)] as const),
  ...(properties === undefined ? {} : { properties: valueFromJson(properties) as { [name: string]: HeaderValue } }),
  body: valueFromJson(body) as EventRecord['body'],
  ...(position === undefined ? {} : { position: valueFromJson(position) as { [name: string]: string | number } }),
})

const parse = (text: string): Envelope => {
  const json = parseJson(text)
  if (!isEnvelope(json)) throw unreadable('expected a dead letter as JSON, got something else')
  if (json.envelope > ENVELOPE_VERSION)
    throw unreadable(
      `expected version ${ENVELOPE_VERSION} or older, got ${json.envelope}; a newer Millrace wrote it: read it with that`,
    )
  return json
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw unreadable('expected JSON, got text that is none', cause)
  }
}

const isEnvelope = (json: unknown): json is Envelope => {
  const { envelope, record } = (json ?? {}) as { readonly envelope?: unknown; readonly record?: JsonObject }
  return (
    typeof envelope === 'number' &&
    typeof record === 'object' &&
    (typeof record?.headers === 'string' || Array.isArray(record?.headers))
  )
}

const unreadable = (what: string, cause?: unknown): MillraceError =>
  new MillraceError('DEAD_LETTER_UNREADABLE', `a stored dead letter cannot be read: ${what}`, { cause })
