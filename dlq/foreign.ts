/**
 * Dead letters that other systems made, as letters of ours: what they wrote into headers says where a record came from and
 * why it failed. Bodies, keys and headers stay what they are; what is not understood is a plain record. Pure.
 */
import type { EventRecord, Header } from '../core/contract.ts'
import { lastHeader } from '../core/values.ts'
import { readConnect } from './foreign/connect.ts'
import { readDotNet } from './foreign/dot-net.ts'
import { readMillrace } from './foreign/millrace.ts'
import { readRabbit } from './foreign/rabbit.ts'
import { isSpringHeader, readSpring, textOf } from './spring.ts'

/** What a system left behind; whatever it did not is left out. */
export interface Foreign {
  readonly from: 'millrace' | 'spring' | 'kafka-connect' | 'nservicebus' | 'masstransit' | 'rabbitmq' | 'plain'
  /** The queue or topic it came from, on the connection of the channel it was found in; an address has a slash. */
  readonly origin?: string
  readonly position?: EventRecord['position']
  /** The key it had there, where that is another one. */
  readonly key?: EventRecord['key']
  /** Milliseconds since the epoch. */
  readonly time?: number
  readonly failedAt?: number
  readonly group?: string
  readonly error: { readonly name: string; readonly message: string; readonly stack?: string }
}

export type ReadHeader = (name: string) => string | undefined

export const readForeign = (record: EventRecord): Foreign => {
  const header: ReadHeader = name => textOf(lastHeader(record, name))
  return (
    readMillrace(header) ??
    springOf(record.headers) ??
    readConnect(header) ??
    readDotNet(header) ??
    readRabbit(record) ?? {
      from: 'plain',
      error: { name: 'Unknown', message: 'nothing in its headers says why it failed' },
    }
  )
}

const springOf = (headers: readonly Header[]): Foreign | undefined => {
  const read = readSpring(headers)
  if (!read) return undefined
  const { topic, partition, offset, time, group, error } = read
  return {
    from: 'spring',
    origin: topic,
    position: {
      topic,
      ...(partition === undefined ? {} : { partition }),
      ...(offset === undefined ? {} : { offset }),
    },
    ...(time === undefined ? {} : { time }),
    ...(group === undefined ? {} : { group }),
    error,
  }
}

const OTHERS =
  /^(?:__connect\.errors\.|NServiceBus\.(?:ExceptionInfo\.|FailedQ$|TimeOfFailure$)|MT-(?:Fault-|Reason$)|x-death$|x-(?:first|last)-death-|millrace-dead-)/

/** The headers that tell of a failure: a record that goes back has them no more. */
export const tellsOfFailure = (name: string): boolean => isSpringHeader(name) || OTHERS.test(name)
