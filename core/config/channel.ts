/**
 * Channels as values: what `source`, `send` and `deadLetters.to` point at. Plain data: no client is loaded and no
 * secret is resolved until the app starts, so a function may import the file that declares them.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { ChannelRef, StartPosition } from '../contract.ts'
import type { OptionSpecs } from './option.ts'
import type { Problem } from './problem.ts'

/** Turns the bytes of a record into what a function sees, and back. Throwing means undecodable, or not sendable. */
export interface Codec<Data = unknown> {
  decode(body: Uint8Array): Data | Promise<Data>
  encode(data: Data): Uint8Array | Promise<Uint8Array>
}

/** `json` (the default), `text` (UTF-8), `bytes`, or a codec of the user's own. */
export type CodecOption<Data = unknown> = 'json' | 'text' | 'bytes' | Codec<Data>

/** A declared connection to one server; `options` are the connector's, secrets still unresolved in them. */
export interface ConnectionValue<Kind extends string = string> {
  readonly kind: Kind
  readonly name: string
  readonly options: Readonly<Record<string, unknown>>
  /** What the options may be, its own and those of its channels by type; validation takes options as they are without. */
  readonly declares?: ConnectionOptionSpecs
}

/** The options a connector declares, each once: for checks, defaults and the docs. */
export interface ConnectionOptionSpecs {
  readonly connection: OptionSpecs
  readonly channels: Readonly<Record<string, OptionSpecs>>
  /** By type of channel: what is wrong with options, at `path`, that are right one by one. */
  readonly together?: Readonly<Record<string, (options: unknown, path: string) => readonly Problem[]>>
}

/** What all channels have, whoever tries again what comes over them. */
export interface AnyChannel<Output = unknown, Input = Output> extends ChannelRef {
  readonly connection: ConnectionValue
  readonly codec: CodecOption
  readonly schema: StandardSchemaV1 | undefined
  /**
   * True when one reader can own a lane of it alone: order holds across processes. `key`: no record is claimed while an
   * earlier one of its key is not settled, by whomever, so that order by key holds without being asked for.
   */
  readonly ordered: boolean | 'key'
  /** False when several readers cannot each have a position of their own, so that `group` and `start` mean nothing. */
  readonly positioned: boolean
  /** `caller`: who asks waits for the answer. Left out: records are Millrace's to retry. */
  readonly retries?: 'caller' | undefined
  /** Never set: carries the types. */
  readonly types?: { readonly output: Output; readonly input: Input }
}

/**
 * A named place on a connection. `Output` is what a function receives as `data`, `Input` what `send` takes; they
 * differ where a schema transforms.
 */
export interface Channel<Output = unknown, Input = Output> extends AnyChannel<Output, Input> {
  readonly retries?: undefined
}

/** A channel of requests: one attempt each, no batch, no dead letter, and what the function answers is the answer. */
export interface RequestChannel<Output = unknown, Input = Output> extends AnyChannel<Output, Input> {
  readonly retries: 'caller'
}

/**
 * A way in: what comes over it is sent to a channel, and who brought it hears when that channel's broker has confirmed.
 * Its name, type and options are the connector's; codec and schema are those of the channel.
 */
export interface Door extends ChannelRef {
  readonly connection: ConnectionValue
  readonly into: Channel
}

/** A channel on which every group of readers has a position of its own. */
export interface PositionedChannel<Output = unknown, Input = Output> extends Channel<Output, Input> {
  /** The channel with how to read it, as a mapping's `source`. The channel itself means `read()`. */
  read(options?: ReadChoice): Reading<Output, Input>
}

/** How a mapping wants to read. */
export interface ReadChoice {
  /** Readers of one group share the records. Default: `<app>.<mapping>`. */
  readonly group?: string
  /** Where a group without a position begins; a number is milliseconds since the epoch. Default: 'earliest'. */
  readonly start?: 'earliest' | 'latest' | Date | number
}

/** A channel with how it is to be read: what `channel.read({ … })` returns. */
export interface Reading<Output = unknown, Input = Output> {
  readonly channel: Channel<Output, Input>
  readonly group: string | undefined
  readonly start: StartPosition | undefined
}

/** What a function receives as `data` from this channel, or from this reading of one. */
export type DataOf<Source> =
  Source extends AnyChannel<infer Output, unknown>
    ? Output
    : Source extends Reading<infer Output, unknown>
      ? Output
      : never

/** What `send` takes as `data` for this channel. */
export type InputOf<Target> = Target extends Channel<unknown, infer Input> ? Input : never

/**
 * A function that declares channels of one type. Data is typed by the schema where there is one, else by the codec,
 * else by the type argument: `local.queue<Order>('orders')`.
 */
export interface DeclareChannel<Options, Reads extends 'shared' | 'positioned'> {
  <Schema extends StandardSchemaV1>(
    name: string,
    options: Options & { readonly schema: Schema; readonly codec?: CodecOption },
  ): Declared<Reads, StandardSchemaV1.InferOutput<Schema>, StandardSchemaV1.InferInput<Schema>>
  (name: string, options: Options & { readonly codec: 'bytes' }): Declared<Reads, Uint8Array, Uint8Array>
  (name: string, options: Options & { readonly codec: 'text' }): Declared<Reads, string, string>
  <Data = unknown>(
    name: string,
    options?: Options & { readonly codec?: 'json' | Codec<Data> },
  ): Declared<Reads, Data, Data>
}

export type Declared<Reads, Output, Input> = Reads extends 'positioned'
  ? PositionedChannel<Output, Input>
  : Channel<Output, Input>
