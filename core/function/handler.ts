/** What onRecord and onBatch make: a plain async function that carries the channels it was written for. */
import type { AnyChannel, Channel, DataOf } from '../config/channel.ts'
import type { Answer } from './answer.ts'
import type { FunctionContext } from './context.ts'
import type { Batch } from './record.ts'

/** The same symbol in every copy of the package. */
export const HANDLER: unique symbol = Symbol.for('millrace.handler')

export interface HandlerMark {
  readonly channels: readonly AnyChannel[]
  /** `event`: made by onEvent, for formats that are not Millrace's own. `request`: by onRequest. Left out: for batches. */
  readonly takes?: 'event' | 'request'
}

/** Called with records that were decoded and checked by their channel's codec and schema. */
export interface Handler<Data = unknown> {
  (batch: Batch<Data>, context: FunctionContext): Promise<Answer>
  readonly [HANDLER]: HandlerMark
}

/** One channel, or several whose records one function takes; `source` tells them apart. */
export type Channels = Channel | readonly Channel[]

export type DataOfAny<C> = C extends readonly (infer One)[] ? DataOf<One> : DataOf<C>

/** The mark of a handler made by onRecord or onBatch, of whichever copy of the package; undefined for any other. */
export const markOf = (handler: unknown): HandlerMark | undefined =>
  typeof handler === 'function' ? (handler as Partial<Handler>)[HANDLER] : undefined

export const markHandler = <Data>(
  channels: Channels,
  handle: (batch: Batch<Data>, context: FunctionContext) => Promise<Answer>,
): Handler<Data> =>
  Object.assign(handle, { [HANDLER]: { channels: isList(channels) ? channels : [channels] } satisfies HandlerMark })

export const isList = (channels: Channels): channels is readonly Channel[] => Array.isArray(channels)
