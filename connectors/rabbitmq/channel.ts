/** Queues and exchanges of a RabbitMQ broker, as users write them. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Channel, Codec, CodecOption, ConnectionValue, DeclareChannel } from '../../core/config/channel.ts'
import { channelValue, type WrittenChannel } from '../../core/config/channel-value.ts'
import type { Written } from '../../core/config/option.ts'
import type { SecretRef } from '../../core/config/secret.ts'
import { type Binding, type BoundExchange, rabbitOptions } from './options.ts'

type Text = string | SecretRef

export type QueueOptions = Written<typeof rabbitOptions.channels.queue>
export type ExchangeOptions = Written<typeof rabbitOptions.channels.exchange>

/** A queue of a group's own at an exchange: what it gets, and how the queue is to be. */
export interface ExchangeReadChoice extends Omit<QueueOptions, 'bind'>, Pick<Binding, 'keys' | 'headers' | 'match'> {
  /** The queue's name. Who reads with the same shares its records, everybody else gets them as well. */
  readonly group: string
}

/** An exchange: what is sent to it goes to every queue that wants it, by the record's key (the routing key) or headers. */
export interface RabbitExchange<Output = unknown, Input = Output> extends Channel<Output, Input> {
  /**
   * A queue bound to the exchange, as a mapping's `source`: each group has a position, retries and dead letters of its
   * own. The exchange itself as a source means a queue named after app and mapping that gets everything.
   */
  read(choice: ExchangeReadChoice): Channel<Output, Input>
}

/** Like {@link DeclareChannel}, for exchanges. */
export interface DeclareExchange {
  <Schema extends StandardSchemaV1>(
    name: string,
    options: ExchangeOptions & { readonly schema: Schema; readonly codec?: CodecOption },
  ): RabbitExchange<StandardSchemaV1.InferOutput<Schema>, StandardSchemaV1.InferInput<Schema>>
  (name: string, options: ExchangeOptions & { readonly codec: 'bytes' }): RabbitExchange<Uint8Array>
  (name: string, options: ExchangeOptions & { readonly codec: 'text' }): RabbitExchange<string>
  <Data = unknown>(
    name: string,
    options?: ExchangeOptions & { readonly codec?: 'json' | Codec<Data> },
  ): RabbitExchange<Data>
}

/** A connection to a RabbitMQ broker. */
export interface RabbitConnection extends ConnectionValue<'rabbitmq'> {
  /** Each record goes to one of those who receive from it. */
  readonly queue: DeclareChannel<QueueOptions, 'shared'>
  readonly exchange: DeclareExchange
}

/** A RabbitMQ broker under a name. No client is loaded and nothing is opened before the app starts. */
export const rabbitmq = (
  name: string,
  options: Written<typeof rabbitOptions.connection> & { readonly url: Text | readonly Text[] },
): RabbitConnection => {
  const connection: ConnectionValue<'rabbitmq'> = {
    kind: 'rabbitmq',
    name,
    options: { ...options },
    declares: rabbitOptions,
  }
  return {
    ...connection,
    queue: ((queue: string, written?: WrittenChannel) =>
      channel(connection, 'queue', queue, written)) as RabbitConnection['queue'],
    exchange: ((exchange: string, written?: WrittenChannel) =>
      exchangeChannel(connection, exchange, written)) as RabbitConnection['exchange'],
  }
}

const channel = (
  connection: ConnectionValue,
  type: 'queue' | 'exchange',
  name: string,
  written: WrittenChannel = {},
): Channel =>
  channelValue(connection, name, written, {
    type,
    ordered: false,
    positioned: type === 'exchange',
    // A queue and an exchange may have one name.
    ...(type === 'exchange' ? { address: `${connection.name}/exchange/${name}` } : {}),
  })

const exchangeChannel = (connection: ConnectionValue, name: string, written: WrittenChannel = {}): RabbitExchange => {
  const plain = channel(connection, 'exchange', name, written)
  return {
    ...plain,
    read({ group, keys, headers, match, ...options }) {
      const bind = [{ ...boundExchange(name, plain.options), ...given({ keys, headers, match }) }]
      return channel(connection, 'queue', group, { codec: plain.codec, schema: plain.schema, ...options, bind })
    },
  }
}

/** The exchange as its own declaration has it, in a binding of a queue: both declare the same. */
const boundExchange = (
  exchange: string,
  { declare = true, type = 'topic', durable, alternate, arguments: more }: ExchangeOptions,
): BoundExchange => (declare ? { exchange, type, ...given({ durable, alternate, arguments: more }) } : { exchange })

/** Without what is undefined. */
const given = <Fields extends Readonly<Record<string, unknown>>>(fields: Fields) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    readonly [Name in keyof Fields]?: NonNullable<Fields[Name]>
  }
