/**
 * Places of a Redis server: streams, on which every group has a position of its own; lists, whose receivers compete;
 * subscriptions to what is PUBLISHed, which Redis keeps for nobody.
 */
import type { Channel, ConnectionValue, DeclareChannel } from '../../core/config/channel.ts'
import { channelValue, readable, type WrittenChannel } from '../../core/config/channel-value.ts'
import { choice, duration, flag, isText, option, size, text, type Written, whole } from '../../core/config/option.ts'
import type { SecretRef } from '../../core/config/secret.ts'

type Text = string | SecretRef

/** Certificates as Node's TLS takes them, PEM. */
export interface RedisTls {
  readonly ca?: Text
  readonly cert?: Text
  readonly key?: Text
  readonly rejectUnauthorized?: boolean
  readonly servername?: string
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Some servers: `host:port`, several with commas between or as a list. */
const hosts = (doc: string) =>
  option<Text | readonly Text[], Text | readonly Text[] | undefined>({
    doc,
    takes: 'host:port, a list, `env(…)`',
    expected: "host:port, a list of them or env(NAME), like 'localhost:6379'",
    default: undefined,
    defaultText: 'none',
    read: value =>
      isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText)) ? value : undefined,
  })

const claimTimeout = duration({
  min: '1s',
  max: '1h',
  default: '60s',
  doc: 'A process that is silent for so long is taken for dead, and what it had claimed goes to the others.',
})

/** Of what is sent to a key. */
const replication = {
  waitReplicas: whole({
    min: 1,
    max: 100,
    doc: 'Confirm what is sent only once so many replicas have it (WAIT).',
  }),
  waitTimeout: duration({
    min: '10ms',
    max: '5m',
    default: '5s',
    doc: 'How long `waitReplicas` may take; after that the records count as perhaps not sent.',
  }),
}

/** The options of Redis: of a connection, and of its channels by type. */
export const redisOptions = {
  connection: {
    url: text({
      doc: 'A single server: `redis://user:password@host:port/db`, `rediss://…` for TLS, `unix://…` for a socket.',
      otherwise: 'none',
    }),
    host: text({ doc: 'A single server, instead of `url`.', otherwise: '`localhost`' }),
    port: whole({ min: 1, max: 65_535, doc: 'Its port.', otherwise: '6379' }),
    nodes: hosts('Redis Cluster: some of its nodes, from which the others are learned.'),
    sentinels: hosts('Redis Sentinel: the sentinels, which say where the master is. Needs `master`.'),
    master: text({ doc: 'The name by which the sentinels know the master.', otherwise: 'none' }),
    sentinelPassword: text({ doc: 'The password of the sentinels.', otherwise: 'none' }),
    username: text({ doc: 'The ACL user. Counts more than what `url` says.', otherwise: '`default`' }),
    password: text({ doc: 'Its password. Counts more than what `url` says.', otherwise: 'none' }),
    db: whole({ min: 0, max: 65_535, doc: 'The number of the database; a Cluster has only 0.', otherwise: '0' }),
    tls: option<boolean | RedisTls, boolean | RedisTls | undefined>({
      doc: 'Speak TLS, with the certificates given.',
      takes: '`true`, `false`, an object for Node’s TLS',
      expected: 'true, false or an object like { ca, cert, key }',
      default: undefined,
      defaultText: 'true for `rediss://`',
      read: value => (typeof value === 'boolean' || isObject(value) ? value : undefined),
    }),
  },
  channels: {
    stream: {
      field: option<string, string | undefined>({
        doc: 'Of entries that other programs wrote: the field that is the body; their other fields are headers.',
        takes: 'a field',
        expected: 'the name of a field',
        default: undefined,
        defaultText: 'the body is a JSON object of all fields',
        read: value => (typeof value === 'string' && value !== '' ? value : undefined),
      }),
      claimTimeout,
      exclusive: flag({
        default: false,
        doc: 'One process of a group reads at a time, and order holds (`order: lane`, `key`); else they share the records.',
      }),
      removeSettled: flag({
        default: false,
        doc: 'Remove an entry once it is settled. Only right where a single group reads the stream.',
      }),
      maxLength: whole({
        min: 1,
        max: 1_000_000_000_000,
        doc: 'Sending trims the stream to so many entries, **read or not**.',
      }),
      trim: choice({
        of: ['approximate', 'exact'],
        default: 'approximate',
        doc: 'How `maxLength` is kept: in whole nodes of about 100 entries, which costs next to nothing, or exactly.',
      }),
      ...replication,
    },
    list: {
      pushes: choice({
        of: ['left', 'right'],
        default: 'left',
        doc: 'The end at which producers push, and sending does; records are taken at the other one.',
      }),
      format: choice({
        of: ['body', 'record'],
        default: 'body',
        doc: 'What an element is: the body and nothing else, or a record with id, time, key and headers.',
      }),
      claimTimeout,
      ...replication,
    },
    subscription: {
      pattern: flag({ default: false, doc: 'The name is a pattern, `news.*`: PSUBSCRIBE. Nothing can be sent to it.' }),
      bufferRecords: whole({
        min: 1,
        max: 10_000_000,
        default: 10_000,
        doc: 'So many records wait for the function; those that come then are **dropped**, counted and logged.',
      }),
      bufferBytes: size({
        min: '1 KB',
        max: '4 GB',
        default: '16 MB',
        doc: 'The same for their bodies together.',
      }),
    },
  },
}

/** A connection to a Redis server, a Cluster, or what Sentinels guard. */
export interface RedisConnection extends ConnectionValue<'redis'> {
  /** Every group gets every record; within a group, processes share them. Need not exist. */
  readonly stream: DeclareChannel<Written<typeof redisOptions.channels.stream>, 'positioned'>
  /** Each record goes to one of the receivers, as with BLMOVE. Any existing list will do. */
  readonly list: DeclareChannel<Written<typeof redisOptions.channels.list>, 'shared'>
  /**
   * What is PUBLISHed while a process of the app listens: **at most once**. Redis keeps nothing of it, so what is
   * published while nobody listens, or in memory when a process dies, is gone; and each process gets every record.
   */
  readonly subscription: DeclareChannel<Written<typeof redisOptions.channels.subscription>, 'shared'>
}

/** Where the server is: one of these, `localhost:6379` where nothing is said. */
type Where =
  | {
      readonly url?: Text
      readonly host?: never
      readonly port?: never
      readonly nodes?: never
      readonly sentinels?: never
    }
  | {
      readonly host?: Text
      readonly port?: number
      readonly url?: never
      readonly nodes?: never
      readonly sentinels?: never
    }
  | { readonly nodes: Text | readonly Text[]; readonly url?: never; readonly host?: never; readonly sentinels?: never }
  | { readonly sentinels: Text | readonly Text[]; readonly master: Text; readonly url?: never; readonly nodes?: never }

/** Redis under a name. No client is loaded and nothing is opened before the app starts. */
export const redis = (name: string, options: Written<typeof redisOptions.connection> & Where = {}): RedisConnection => {
  const connection: ConnectionValue<'redis'> = { kind: 'redis', name, options: { ...options }, declares: redisOptions }
  return {
    ...connection,
    stream: ((stream: string, written?: WrittenChannel) =>
      readable(channel(connection, 'stream', stream, written))) as RedisConnection['stream'],
    list: ((list: string, written?: WrittenChannel) =>
      channel(connection, 'list', list, written)) as RedisConnection['list'],
    subscription: ((subject: string, written?: WrittenChannel) =>
      channel(connection, 'subscription', subject, written)) as RedisConnection['subscription'],
  }
}

const channel = (
  connection: ConnectionValue,
  type: 'stream' | 'list' | 'subscription',
  name: string,
  written: WrittenChannel = {},
): Channel =>
  channelValue(connection, name, written, {
    type,
    ordered: type === 'stream' && written.exclusive === true,
    positioned: type === 'stream',
  })
