/**
 * Channels of the embedded broker, which needs nothing installed: queues whose receivers compete, topics on which every
 * mapping gets every record, streams with ordered partitions.
 */
import type { Channel, ConnectionValue, DeclareChannel } from '../../core/config/channel.ts'
import { channelValue, readable, type WrittenChannel } from '../../core/config/channel-value.ts'
import { duration, option, size, type Written, whole } from '../../core/config/option.ts'

/** How long records are kept; `until` says what may still hold an old one. */
const retention = (until: string) => ({
  retention: duration({ min: '1s', max: '3650d', default: '7d', doc: `Records older than this are removed${until}.` }),
  retentionBytes: size({
    min: '1 KB',
    max: '1024 GB',
    default: '1 GB',
    doc: `The oldest bodies beyond this much are removed${until}.`,
  }),
})

/** The options of the embedded broker. */
export const embeddedOptions = {
  connection: {
    path: option<string, string | undefined>({
      doc: 'The folder of its database, relative to the state folder. Several apps may share one.',
      takes: 'a folder',
      expected: 'the path of a folder',
      default: undefined,
      defaultText: '`stateDir`',
      read: value => (typeof value === 'string' && value !== '' ? value : undefined),
    }),
  },
  channels: {
    queue: {},
    topic: retention(' once no group waits for them'),
    stream: {
      partitions: whole({
        min: 1,
        max: 1_024,
        default: 8,
        doc: 'Ordered lanes; a record goes to the one its key chooses. May grow, never shrink; keys move when it grows.',
      }),
      ...retention(', read or not'),
    },
  },
}

/** A connection to the broker inside this app. */
export interface EmbeddedConnection extends ConnectionValue<'embedded'> {
  /** Each record goes to one of the mappings that receive from it. Declaring it again means the same queue. */
  readonly queue: DeclareChannel<Written<typeof embeddedOptions.channels.queue>, 'shared'>
  /** Every mapping on it gets every record, in no promised order. */
  readonly topic: DeclareChannel<Written<typeof embeddedOptions.channels.topic>, 'positioned'>
  /** Every mapping on it gets every record, those of one key in the order in which they were sent. */
  readonly stream: DeclareChannel<Written<typeof embeddedOptions.channels.stream>, 'positioned'>
}

/** The embedded broker under a name, `local` by default. Nothing is opened before the app starts. */
export const embedded = (
  options: { readonly name?: string } & Written<typeof embeddedOptions.connection> = {},
): EmbeddedConnection => {
  const { name = 'local', ...own } = options
  const connection: ConnectionValue<'embedded'> = { kind: 'embedded', name, options: own, declares: embeddedOptions }
  return {
    ...connection,
    queue: ((channelName: string, written?: WrittenChannel) =>
      channel(connection, 'queue', channelName, written)) as EmbeddedConnection['queue'],
    topic: ((channelName: string, written?: WrittenChannel) =>
      readable(channel(connection, 'topic', channelName, written))) as EmbeddedConnection['topic'],
    stream: ((channelName: string, written?: WrittenChannel) =>
      readable(channel(connection, 'stream', channelName, written))) as EmbeddedConnection['stream'],
  }
}

const channel = (
  connection: ConnectionValue,
  type: 'queue' | 'topic' | 'stream',
  name: string,
  written: WrittenChannel = {},
): Channel =>
  channelValue(connection, name, written, { type, ordered: type === 'stream', positioned: type !== 'queue' })
