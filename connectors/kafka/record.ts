/** What Kafka fetched, as a record. */
import { isAscii } from 'node:buffer'
import type { KafkaMessage } from 'kafkajs'
import type { EventRecord, Header } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'

export interface Place {
  readonly topic: string
  readonly partition: number
  /** `connection/topic`. */
  readonly address: string
}

/**
 * The id carries the record's time, which the broker stores with it: the same on every redelivery, and another one for
 * the record that has this offset after the topic was deleted and made again.
 */
export const recordOf = ({ topic, partition, address }: Place, message: KafkaMessage): EventRecord => {
  const offset = offsetOf(message.offset)
  return {
    id: `${topic}/${partition}/${offset}@${message.timestamp}`,
    idStrength: 'stable',
    source: address,
    time: Number(message.timestamp),
    key: keyOf(message.key),
    headers: headersOf(message.headers),
    body: message.value === null ? null : plainBytes(message.value),
    position: { topic, partition, offset },
  }
}

/** Kafka counts to 2^63, a JavaScript number exactly to 2^53: nobody gets there, and nobody is to be off by one. */
export const offsetOf = (text: string): number => {
  const offset = Number(text)
  if (Number.isSafeInteger(offset)) return offset
  throw new MillraceError('SOURCE_FATAL', `an offset must be below 2^53 to be kept exactly, got ${text}`, {
    fatal: true,
  })
}

/** Text where the bytes are UTF-8, which is the same key written in a way that can be read; else the bytes. */
const keyOf = (key: Buffer | null): string | Uint8Array | null => {
  if (key === null) return null
  // Mostly so, and several times cheaper than a decoder that checks.
  if (isAscii(key)) return key.toString('latin1')
  try {
    return utf8.decode(key)
  } catch {
    return plainBytes(key)
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** kafkajs has one name once, with a list where it was repeated: values of a name keep their order. */
const headersOf = (headers: KafkaMessage['headers']): readonly Header[] => {
  let list: Header[] | undefined
  for (const name in headers) {
    list ??= []
    for (const value of listOf(headers[name])) list.push([name, headerValue(value)])
  }
  return list ?? NO_HEADERS
}

/** The values that a header's name has. */
export const listOf = <Value>(values: Value | readonly Value[]): readonly Value[] =>
  Array.isArray(values) ? values : [values as Value]

const NO_HEADERS: readonly Header[] = Object.freeze([])

const headerValue = (value: Buffer | string | null | undefined): Uint8Array | string | null =>
  value instanceof Uint8Array ? plainBytes(value) : (value ?? null)

/** The same memory without Buffer's own methods, which read bytes differently from what a Uint8Array promises. */
const plainBytes = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
