/** Topics of a Kafka cluster, each mapping's group with a position of its own in each partition. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type {
  Codec,
  CodecOption,
  ConnectionValue,
  DeclareChannel,
  PositionedChannel,
} from '../../core/config/channel.ts'
import { channelValue, readable, type WrittenChannel } from '../../core/config/channel-value.ts'
import { type Duration, parseDuration } from '../../core/config/duration.ts'
import { choice, duration, flag, isText, option, size, text, type Written } from '../../core/config/option.ts'
import type { SecretRef } from '../../core/config/secret.ts'

type Text = string | SecretRef

/** How a client says who it is. */
export type KafkaSasl = KafkaPassword | KafkaToken

export interface KafkaPassword {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly username: Text
  readonly password: Text
}

/** Exactly one of the two. */
export interface KafkaToken {
  readonly mechanism: 'oauthbearer'
  /** Asked for at every connection, and again before the broker's time for it is over; a text is always the same. */
  readonly token?: Text | (() => Promise<string>)
  /** A file that somebody else keeps fresh, read at every connection. */
  readonly tokenFile?: string
}

/** Certificates as Node's TLS takes them, PEM. */
export interface KafkaTls {
  readonly ca?: Text
  readonly cert?: Text
  readonly key?: Text
  readonly rejectUnauthorized?: boolean
  readonly servername?: string
}

const WEEK_MS = 7 * 86_400_000

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const MECHANISMS: readonly unknown[] = ['plain', 'scram-sha-256', 'scram-sha-512']

const isSasl = (value: unknown): value is KafkaSasl =>
  isObject(value) && (value.mechanism === 'oauthbearer' ? isToken(value) : isPassword(value))

const isPassword = ({ mechanism, username, password }: Readonly<Record<string, unknown>>): boolean =>
  MECHANISMS.includes(mechanism) && isText(username) && isText(password)

const isToken = ({ token, tokenFile }: Readonly<Record<string, unknown>>): boolean =>
  tokenFile === undefined
    ? typeof token === 'function' || isText(token)
    : token === undefined && typeof tokenFile === 'string' && tokenFile !== ''

/** The options of a connection to Kafka. */
export const kafkaOptions = {
  connection: {
    brokers: option<Text | readonly Text[], Text | readonly Text[] | undefined>({
      doc: 'Some of the brokers, from which the others are learned: host:port, several with commas between or as a list.',
      takes: 'host:port, a list, `env(…)`',
      expected: "host:port, a list of them or env(NAME), like 'localhost:9092'",
      default: undefined,
      defaultText: 'required',
      read: value =>
        isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText)) ? value : undefined,
    }),
    clientId: text({
      doc: 'What the brokers call this client in their logs and quotas.',
      otherwise: '`millrace-<name>`',
    }),
    ssl: option<boolean | KafkaTls, boolean | KafkaTls | undefined>({
      doc: 'Speak TLS, with the certificates given.',
      takes: '`true`, `false`, an object for Node’s TLS',
      expected: 'true, false or an object like { ca, cert, key }',
      default: undefined,
      defaultText: 'false',
      read: value => (typeof value === 'boolean' || isObject(value) ? value : undefined),
    }),
    sasl: option<KafkaSasl, KafkaSasl | undefined>({
      doc: 'Who the client is: `plain`, `scram-sha-256`, `scram-sha-512`, or `oauthbearer` with a token.',
      takes: '`{ mechanism, username, password }`, `{ mechanism, token }`, `{ mechanism, tokenFile }`',
      expected:
        "{ mechanism: 'plain', 'scram-sha-256' or 'scram-sha-512', username, password } or { mechanism: 'oauthbearer', token or tokenFile }",

      default: undefined,
      defaultText: 'none',
      read: value => (isSasl(value) ? value : undefined),
    }),
    connectionTimeout: duration({
      min: '100ms',
      max: '5m',
      default: '5s',
      doc: 'How long a broker may take to accept a connection.',
    }),
    sessionTimeout: duration({
      min: '1s',
      max: '30m',
      default: '30s',
      doc: 'A process that is silent for so long loses its partitions to the others of its group.',
    }),
    rebalanceTimeout: duration({
      min: '1s',
      max: '1h',
      default: '60s',
      doc: 'How long the group waits for a process to take part in a rebalance.',
    }),
    rebalanceDrain: duration({
      min: '0s',
      max: '1h',
      default: '20s',
      doc: 'How long a rebalance lets running functions finish; at most three quarters of `rebalanceTimeout`.',
    }),
    topicRefresh: duration({
      min: '1s',
      max: '1h',
      default: '30s',
      doc: 'How soon new partitions are noticed, and topics that come to match a pattern or are deleted.',
    }),
    createTopics: flag({
      default: false,
      doc: 'Make retry topics that are missing. Other topics are never made.',
    }),
    fetchBytes: size({
      min: '1 KB',
      max: '64 MB',
      default: '1 MB',
      doc: 'How much of one partition is fetched at once; up to five times as much is held of each partition.',
    }),
  },
  channels: {
    topics: {
      pattern: option<RegExp, RegExp | undefined>({
        doc: 'The names of the topics to read.',
        takes: 'a regular expression',
        expected: 'a regular expression without the flags g and y, like /^orders\\./',
        default: undefined,
        defaultText: 'required',
        read: value => (value instanceof RegExp && !value.global && !value.sticky ? value : undefined),
      }),
    },
    topic: {
      retrySteps: option<readonly Duration[], readonly number[]>({
        doc: 'How long a record that nothing has to follow waits for a late retry in a topic of its own, one for each step. None: it waits here, and its partition is not committed beyond it.',
        takes: 'a list of durations, 100ms to 7d, ascending',
        expected: "a list of ascending durations between '100ms' and '7d', like ['10s', '1m', '10m']",
        default: [],
        defaultText: 'none',
        read: value => {
          const steps = Array.isArray(value) ? value.map(parseDuration) : [undefined]
          const rises = steps.every((ms, index) => ms !== undefined && ms > (steps[index - 1] ?? 99) && ms <= WEEK_MS)
          return rises ? (steps as readonly number[]) : undefined
        },
      }),
      compression: choice({
        of: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
        default: 'none',
        doc: 'How records that are sent are packed. `snappy` needs the package snappyjs; the others need none.',
      }),
    },
  },
}

/** A connection to a Kafka cluster. */
export interface KafkaConnection extends ConnectionValue<'kafka'> {
  /** Every group gets every record, those of one partition in order. The topic must exist. */
  readonly topic: DeclareChannel<Written<typeof kafkaOptions.channels.topic>, 'positioned'>
  /**
   * All topics whose names match, those that are created later too, to be read as one; nothing can be sent to them. A
   * lane is still one partition of one topic.
   */
  readonly topics: DeclareTopics
}

/** As `topic` is declared, with a pattern in the place of the name. */
export interface DeclareTopics {
  <Schema extends StandardSchemaV1>(
    pattern: RegExp,
    options: { readonly schema: Schema; readonly codec?: CodecOption },
  ): PositionedChannel<StandardSchemaV1.InferOutput<Schema>, StandardSchemaV1.InferInput<Schema>>
  (pattern: RegExp, options: { readonly codec: 'bytes' }): PositionedChannel<Uint8Array>
  (pattern: RegExp, options: { readonly codec: 'text' }): PositionedChannel<string>
  <Data = unknown>(pattern: RegExp, options?: { readonly codec?: 'json' | Codec<Data> }): PositionedChannel<Data>
}

/** A Kafka cluster under a name. No client is loaded and nothing is opened before the app starts. */
export const kafka = (
  name: string,
  options: Written<typeof kafkaOptions.connection> & { readonly brokers: Text | readonly Text[] },
): KafkaConnection => {
  const connection: ConnectionValue<'kafka'> = { kind: 'kafka', name, options: { ...options }, declares: kafkaOptions }
  return {
    ...connection,
    topic: ((topic: string, written?: WrittenChannel) =>
      channel(connection, 'topic', topic, written)) as KafkaConnection['topic'],
    // The address is the connection's name and the expression as it is written: shop/^orders\\./
    topics: ((pattern: RegExp, written?: WrittenChannel) =>
      channel(connection, 'topics', String(pattern).slice(1), { ...written, pattern })) as DeclareTopics,
  }
}

const channel = (
  connection: ConnectionValue,
  type: 'topic' | 'topics',
  name: string,
  written: WrittenChannel = {},
): PositionedChannel => readable(channelValue(connection, name, written, { type, ordered: true, positioned: true }))
