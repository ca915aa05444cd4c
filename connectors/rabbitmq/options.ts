/** What may be written of a connection to RabbitMQ, its queues and its exchanges: each option declared once. */

import { choice, duration, flag, isText, option, size, text, whole } from '../../core/config/option.ts'
import type { SecretRef } from '../../core/config/secret.ts'
import type { HeaderValue } from '../../core/contract.ts'

type Text = string | SecretRef

export const EXCHANGE_TYPES = ['direct', 'topic', 'fanout', 'headers'] as const
export type ExchangeType = (typeof EXCHANGE_TYPES)[number]

/** Arguments of a queue or an exchange, and the headers a binding asks for, as AMQP's tables take them. */
export type Table = Readonly<Record<string, HeaderValue>>

/** Certificates as Node's TLS takes them, PEM. */
export interface RabbitTls {
  readonly ca?: Text
  readonly cert?: Text
  readonly key?: Text
  readonly passphrase?: Text
  /** The name the broker's certificate is for. Default: the host of `url`. */
  readonly servername?: string
  /** Default: true. */
  readonly rejectUnauthorized?: boolean
}

/** An exchange as it is to be. With `type` it is declared, without it must exist. */
export interface BoundExchange {
  readonly exchange: string
  readonly type?: ExchangeType
  /** Default: true. */
  readonly durable?: boolean
  /** Where the exchange sends what fits none of its bindings. */
  readonly alternate?: string
  readonly arguments?: Table
}

/** What a queue wants of an exchange: by keys of direct and topic exchanges, by headers of headers exchanges. */
export interface Binding extends BoundExchange {
  readonly keys?: readonly string[]
  readonly headers?: Table
  /** Whether all of `headers` must fit, or any. Default: 'all'. */
  readonly match?: 'all' | 'any'
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isName = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= 255

const isOneOf = (value: unknown, ...known: readonly unknown[]): boolean => value === undefined || known.includes(value)

const BINDING_FIELDS = ['exchange', 'type', 'durable', 'alternate', 'arguments', 'keys', 'headers', 'match']

const isBinding = (value: unknown): value is Binding =>
  isObject(value) &&
  isName(value.exchange) &&
  Object.keys(value).every(name => BINDING_FIELDS.includes(name)) &&
  isOneOf(value.type, ...EXCHANGE_TYPES) &&
  isOneOf(value.durable, true, false) &&
  (value.alternate === undefined || isName(value.alternate)) &&
  (value.arguments === undefined || isObject(value.arguments)) &&
  (value.keys === undefined || (Array.isArray(value.keys) && value.keys.every(key => typeof key === 'string'))) &&
  (value.headers === undefined || isObject(value.headers)) &&
  isOneOf(value.match, 'all', 'any')

const TLS_FIELDS = ['ca', 'cert', 'key', 'passphrase', 'servername', 'rejectUnauthorized']

const isTls = (value: unknown): value is RabbitTls =>
  isObject(value) && Object.keys(value).every(name => TLS_FIELDS.includes(name))

const tableOption = (doc: string) =>
  option<Table, Table>({
    doc,
    takes: '`{ name: value }`',
    expected: "an object of names and values, like { 'x-max-length': 1000 }",
    default: {},
    defaultText: 'none',
    read: value => (isObject(value) ? (value as Table) : undefined),
  })

const declare = (what: string) =>
  flag({
    default: true,
    doc: `Make the ${what} where it is not there. With false it must exist, and is left as it is.`,
  })

const durable = (what: string) => flag({ default: true, doc: `The ${what} outlives a restart of the broker.` })

/** The options of a connection to RabbitMQ. */
const connection = {
  url: option<Text | readonly Text[], Text | readonly Text[] | undefined>({
    doc: 'Where the broker is, as who: amqp://user:password@host:port/vhost, or amqps:// for TLS. Several are tried in turn.',
    takes: 'a URL, a list, `env(…)`',
    expected: "a URL, a list of them or env(NAME), like 'amqp://guest:guest@localhost:5672/'",
    default: undefined,
    defaultText: 'required',
    read: value =>
      isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText)) ? value : undefined,
  }),
  username: text({ doc: 'Who the client is.', otherwise: 'as in `url`, else guest' }),
  password: text({ doc: 'Its password.', otherwise: 'as in `url`, else guest' }),
  vhost: text({ doc: 'The virtual host.', otherwise: 'as in `url`, else /' }),
  tls: option<RabbitTls, RabbitTls | undefined>({
    doc: 'Certificates for an amqps:// URL: ca, cert, key, passphrase (PEM), servername, rejectUnauthorized.',
    takes: 'an object for Node’s TLS',
    expected: `an object with ${TLS_FIELDS.join(', ')}`,
    default: undefined,
    defaultText: 'the machine’s authorities',
    read: value => (isTls(value) ? value : undefined),
  }),
  clientName: text({ doc: 'What the broker’s console calls this client.', otherwise: '`millrace <name>`' }),
  heartbeat: duration({
    min: '1s',
    max: '10m',
    default: '20s',
    doc: 'A connection on which nothing comes for two of these is given up and made anew.',
  }),
  frameMax: size({
    min: '8 KB',
    max: '16 MB',
    default: '128 KB',
    doc: 'The largest frame; larger bodies are sent in several.',
  }),
  connectionTimeout: duration({
    min: '100ms',
    max: '5m',
    default: '10s',
    doc: 'How long a broker may take to accept a connection.',
  }),
  sendTimeout: duration({
    min: '100ms',
    max: '1h',
    default: '30s',
    doc: 'How long a record that is sent waits for its confirmation, or for a broker that is away or takes nothing.',
  }),
}

const queue = {
  type: choice({
    of: ['quorum', 'classic'],
    default: 'quorum',
    doc: 'Quorum queues are replicated and count deliveries; classic ones can have priorities.',
  }),
  declare: declare('queue'),
  durable: durable('queue'),
  bind: option<readonly Binding[], readonly Binding[]>({
    doc: 'Exchanges it gets records from: `exchange`, its `type` (declared with it; without, it must exist), `keys`, or `headers` and `match`.',
    takes: 'a list of `{ exchange, type, keys, headers, match }`',
    expected: `a list of objects with exchange and some of ${BINDING_FIELDS.slice(1).join(', ')}; type is one of ${EXCHANGE_TYPES.join(', ')}`,
    default: [],
    defaultText: 'none',
    read: value => (Array.isArray(value) && value.every(isBinding) ? value : undefined),
  }),
  priorities: whole({
    min: 1,
    max: 255,
    doc: 'Records with a higher `priority` property, up to this, come first. Classic queues only.',
  }),
  singleActiveConsumer: flag({
    default: false,
    doc: 'Only one process reads at a time; the next takes over when it is gone.',
  }),
  deliveryLimit: whole({
    min: 1,
    max: 1_000_000,
    doc: 'The broker drops a record it has delivered more often, unless it has somewhere to dead-letter it. Quorum queues only.',
    otherwise: 'none; records near the limit of a queue that has one are renewed',
  }),
  messageId: choice({
    of: ['unique', 'ignored'],
    default: 'unique',
    doc: 'Whether publishers give each record a `message-id` of its own, by which one that comes again is known.',
  }),
  arguments: tableOption('More arguments of the queue, as RabbitMQ names them.'),
}

const exchange = {
  type: choice({
    of: EXCHANGE_TYPES,
    default: 'topic',
    doc: 'How it chooses queues: by the exact key, by patterns of keys, all of them, by headers.',
  }),
  declare: declare('exchange'),
  durable: durable('exchange'),
  alternate: option<string, string | undefined>({
    doc: 'The exchange that gets what fits no queue here. It must exist.',
    takes: 'a name',
    expected: 'the name of an exchange, 1 to 255 bytes',
    default: undefined,
    defaultText: 'none: sending it fails',
    read: value => (isName(value) ? value : undefined),
  }),
  arguments: tableOption('More arguments of the exchange, as RabbitMQ names them.'),
}

export const rabbitOptions = { connection, channels: { queue, exchange } }
