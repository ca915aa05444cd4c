/**
 * Channels as values: what `source`, `send` and `deadLetters.to` point at. Plain data: no client is loaded and no
 * secret is resolved until the app starts, so a function may import the file that declares them.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { ChannelRef, StartPosition } from '../contract.ts'

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
}

/**
 * A named place on a connection. `Output` is what a function receives as `data`, `Input` what `send` takes; they
 * differ where a schema transforms.
 */
export interface Channel<Output = unknown, Input = Output> extends ChannelRef {
  readonly connection: ConnectionValue
  readonly codec: CodecOption
  readonly schema: StandardSchemaV1 | undefined
  /** True when one reader can own a lane of it alone: order holds across processes. */
  readonly ordered: boolean
  /** False when several readers cannot each have a position of their own, so that `group` and `start` mean nothing. */
  readonly positioned: boolean
  /** Never set: carries the types. */
  readonly types?: { readonly output: Output; readonly input: Input }
}

/** A channel with how it is to be read: what `channel.read({ … })` returns. */
export interface Reading<Output = unknown, Input = Output> {
  readonly channel: Channel<Output, Input>
  readonly group: string | undefined
  readonly start: StartPosition | undefined
}

/** What a function receives as `data` from this channel. */
export type DataOf<Source> = Source extends Channel<infer Output, never> ? Output : never
