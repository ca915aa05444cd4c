/** The channels and connections of one configuration: each checked once, known by address, declared one way only. */
import { isDeepStrictEqual } from 'node:util'
import type { CodecName } from '../engine/contract.ts'
import type { Channel, ConnectionValue } from './channel.ts'
import type { OptionSpecs } from './option.ts'
import { isPlainObject, join, parseOptions } from './options.ts'
import { type Problem, show } from './problem.ts'

export interface ChannelBook {
  readonly channels: ReadonlyMap<string, Channel>
  readonly connections: ReadonlyMap<string, ConnectionValue>
  /** The channel with its options complete; undefined, with problems noted, when it is none or not a right one. */
  enter(value: unknown, path: string): Channel | undefined
  /** Notes what is wrong with a connection that is used for something else than a channel. */
  enterConnection(connection: ConnectionValue, path: string): void
}

/** Printable: neither control characters nor unpaired surrogates, nor space at the ends. */
const CHANNEL_NAME = /^(?!\s)[^\p{C}]{1,255}(?<!\s)$/u
/** The name stands before the slash of an address. */
const CONNECTION_NAME = /^[^\p{C}\s/]{1,100}$/u

/** An empty book that notes what is wrong in `problems`. */
export const channelBook = (problems: Problem[]): ChannelBook => {
  const connections = new Map<string, ConnectionValue>()
  const channels = new Map<string, Channel>()
  const declared = new Map<string, Channel>()

  const enterConnection = (connection: ConnectionValue, path: string): void => {
    const known = connections.get(connection.name)
    if (known === undefined) {
      connections.set(connection.name, connection)
      problems.push(...connectionProblems(connection, path))
    } else if (known.kind !== connection.kind || !isDeepStrictEqual(known.options, connection.options)) {
      problems.push({
        path: join('connections', connection.name),
        message: `is declared twice with different options (again at ${path}); declare it once and import it`,
      })
    }
  }

  return {
    channels,
    connections,
    enterConnection,
    enter(value, path) {
      if (!isChannel(value)) {
        problems.push({ path, message: `must be a channel, got ${show(value)}; ${HOW_TO_MAKE_ONE}` })
        return undefined
      }
      const before = declared.get(value.address)
      if (before) {
        if (!sameDeclaration(before, value)) problems.push(declaredTwice(value, path))
        return channels.get(value.address)
      }
      declared.set(value.address, value)
      enterConnection(value.connection, path)
      const wrong = channelProblems(value, path)
      const options = channelOptions(value)
      problems.push(...wrong, ...('problems' in options ? options.problems : []))
      if (wrong.length > 0 || 'problems' in options) return undefined
      const complete = { ...value, options: options.value }
      channels.set(value.address, complete)
      return complete
    },
  }
}

/** The name of a channel's codec, `custom` for one of the user's own. */
export const codecName = (channel: Channel): CodecName => (typeof channel.codec === 'string' ? channel.codec : 'custom')

export const isChannel = (value: unknown): value is Channel =>
  isPlainObject(value) &&
  typeof value.name === 'string' &&
  typeof value.address === 'string' &&
  typeof value.type === 'string' &&
  isPlainObject(value.options) &&
  isPlainObject(value.connection) &&
  typeof value.connection.name === 'string' &&
  isPlainObject(value.connection.options)

const HOW_TO_MAKE_ONE = 'make one from a connection: embedded().queue(name)'

const channelPath = (channel: Pick<Channel, 'address'>): string => join('channels', channel.address)

const connectionProblems = (connection: ConnectionValue, path: string): readonly Problem[] => {
  const at = join('connections', connection.name)
  const options = checkedOptions(connection.declares?.connection, connection.options, at)
  return [
    ...(CONNECTION_NAME.test(connection.name)
      ? []
      : [
          {
            path,
            message: `must be on a connection named with 1 to 100 printable characters without spaces or "/", got ${show(connection.name)}`,
          },
        ]),
    ...('problems' in options ? options.problems : []),
  ]
}

const channelProblems = (channel: Channel, path: string): readonly Problem[] => [
  ...(CHANNEL_NAME.test(channel.name)
    ? []
    : [{ path, message: `must have a name of 1 to 255 printable characters, got ${show(channel.name)}` }]),
  ...(isCodec(channel.codec)
    ? []
    : [
        {
          path: `${channelPath(channel)}.codec`,
          message: `must be 'json', 'text', 'bytes' or { decode, encode }, got ${show(channel.codec)}`,
        },
      ]),
  ...(isSchema(channel.schema)
    ? []
    : [
        {
          path: `${channelPath(channel)}.schema`,
          message: `must be a Standard Schema (zod, valibot, arktype), got ${show(channel.schema)}`,
        },
      ]),
]

const isCodec = (codec: unknown): boolean =>
  codec === 'json' ||
  codec === 'text' ||
  codec === 'bytes' ||
  (typeof codec === 'object' && codec !== null && isFunction(codec, 'decode') && isFunction(codec, 'encode'))

const isFunction = (holder: object, name: string): boolean => typeof Reflect.get(holder, name) === 'function'

/** arktype's schemas are functions, the others' are objects. */
const isSchema = (schema: unknown): boolean => {
  if (schema === undefined) return true
  if ((typeof schema !== 'object' && typeof schema !== 'function') || schema === null) return false
  const standard: unknown = Reflect.get(schema, '~standard')
  return typeof standard === 'object' && standard !== null && isFunction(standard, 'validate')
}

const channelOptions = ({ type, options, ...channel }: Channel): ReturnType<typeof checkedOptions> => {
  const { channels, together } = channel.connection.declares ?? {}
  const path = channelPath(channel)
  const checked = checkedOptions(channels?.[type], options, path)
  const problems = 'value' in checked ? (together?.[type]?.(checked.value, path) ?? []) : []
  return problems.length > 0 ? { problems } : checked
}

const checkedOptions = (specs: OptionSpecs | undefined, options: Readonly<Record<string, unknown>>, path: string) =>
  specs ? parseOptions(specs, options, path) : { value: options }

const sameDeclaration = (one: Channel, other: Channel): boolean =>
  one === other ||
  (one.type === other.type &&
    one.schema === other.schema &&
    isDeepStrictEqual(one.codec, other.codec) &&
    isDeepStrictEqual(one.options, other.options))

const declaredTwice = (channel: Channel, path: string): Problem => ({
  path: channelPath(channel),
  message: `is declared twice with another type, codec, schema or options (again at ${path}); declare it once and import it`,
})
