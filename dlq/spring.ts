/**
 * The headers of Spring Kafka's dead letter topics, which tools for Kafka read: written beside ours where a dead letter goes
 * to a Kafka topic, and read from letters that others wrote. Numbers are big-endian, as Java writes them.
 */
import type { DeadLetter, Header, HeaderValue } from '../core/contract.ts'

const PREFIX = 'kafka_dlt-'
/** A stack that grows with every round makes a record too large to be sent. */
const STACK_CHARS = 4_000
const MESSAGE_CHARS = 2_000

/**
 * The headers of a letter's record and Spring's: where it came from first stays what an earlier round said, why it failed is
 * what this one says.
 */
export const springHeaders = (letter: DeadLetter, headers: readonly Header[]): readonly Header[] => {
  const origin = headers.filter(([name]) => name.startsWith(`${PREFIX}original-`))
  const others = headers.filter(([name]) => !name.startsWith(PREFIX))
  return [...others, ...(origin.length > 0 ? origin : originOf(letter)), ...failureOf(letter)]
}

const named = (headers: Readonly<Record<string, HeaderValue | undefined>>): readonly Header[] =>
  Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[`${PREFIX}${name}`, value] as const],
  )

const originOf = ({ record, group }: DeadLetter): readonly Header[] => {
  const { topic, partition, offset } = record.position ?? {}
  return named({
    'original-topic': typeof topic === 'string' ? topic : record.source,
    'original-partition': typeof partition === 'number' ? int32(partition) : undefined,
    'original-offset': typeof offset === 'number' ? int64(offset) : undefined,
    'original-timestamp': Number.isFinite(record.time) ? int64(record.time) : undefined,
    'original-timestamp-type': 'CreateTime',
    'original-consumer-group': group,
  })
}

const failureOf = ({ error }: DeadLetter): readonly Header[] =>
  named({
    'exception-fqcn': error.name.slice(0, MESSAGE_CHARS),
    'exception-message': error.message.slice(0, MESSAGE_CHARS),
    'exception-stacktrace': error.stack?.slice(0, STACK_CHARS),
  })

const int32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, value)
  return bytes
}

const int64 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigInt64(0, BigInt(Math.trunc(value)))
  return bytes
}

export interface SpringOrigin {
  readonly topic: string
  readonly partition?: number
  readonly offset?: number
  readonly time?: number
  readonly group?: string
  readonly error: { readonly name: string; readonly message: string; readonly stack?: string }
}

/** What these headers say; undefined for a record that Spring did not give up. */
export const readSpring = (headers: readonly Header[]): SpringOrigin | undefined => {
  const value = (name: string) => headers.findLast(([given]) => given === `${PREFIX}${name}`)?.[1]
  const topic = textOf(value('original-topic'))
  if (topic === undefined) return undefined
  const stack = textOf(value('exception-stacktrace'))
  const parts = {
    partition: numberOf(value('original-partition')),
    offset: numberOf(value('original-offset')),
    time: numberOf(value('original-timestamp')),
    group: textOf(value('original-consumer-group')),
  }
  return {
    topic,
    ...(Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined)) as Partial<SpringOrigin>),
    error: {
      // The class that wraps all others says nothing.
      name: textOf(value('exception-cause-fqcn')) ?? textOf(value('exception-fqcn')) ?? 'Error',
      message: textOf(value('exception-message')) ?? '',
      ...(stack === undefined ? {} : { stack }),
    },
  }
}

export const isSpringHeader = (name: string): boolean => name.startsWith(PREFIX)

/** Headers as text: Kafka's are bytes. */
export const textOf = (value: HeaderValue | undefined): string | undefined => {
  if (typeof value === 'string') return value
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : undefined
}

const numberOf = (value: HeaderValue | undefined): number | undefined => {
  if (!(value instanceof Uint8Array)) return typeof value === 'number' ? value : undefined
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  if (value.byteLength === 4) return view.getInt32(0)
  return value.byteLength === 8 ? Number(view.getBigInt64(0)) : undefined
}
