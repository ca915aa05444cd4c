/** The channels and connections of one configuration: each checked once, known by address, declared one way only. */
import { isDeepStrictEqual } from 'node:util'
import type { CodecName } from '../engine/contract.ts'
import type { AnyChannel, Channel, ConnectionValue, Door } from './channel.ts'
import type { OptionSpecs } from './option.ts'
import { isPlainObject, join, parseOptions } from './options.ts'
import { type Problem, show } from './problem.ts'

export interface ChannelBook {
  readonly channels: ReadonlyMap<string, AnyChannel>
  readonly connections: ReadonlyMap<string, ConnectionValue>
  /** The channel with its options complete; undefined, with problems noted, when it is none or not a right one. */
  enter(value: unknown, path: string): AnyChannel | undefined
  /** Notes what is wrong with a connection that is used for something else than a channel. */
  enterConnection(connection: ConnectionValue, path: string): void
  /** The same for one that something is sent to. */
  enterTarget(value: unknown, path: string): Channel | undefined
  /** A door with its options complete, and the channel behind it. */
  enterDoor(value: unknown, path: string): Door | undefined
}

/** Printable: neither control characters nor unpaired surrogates, nor space at the ends. */
const CHANNEL_NAME = /^(?!\s)[^\p{C}]{1,255}(?<!\s)$/u
/** The name stands before the slash of an address. */
const CONNECTION_NAME = /^[^\p{C}\s/]{1,100}$/u

/** An empty book that notes what is wrong in `problems`. */
export const channelBook = (problems: Problem[]): ChannelBook => {
  const connections = new Map<string, ConnectionValue>()
  const channels = new Map<string, AnyChannel>()
  const declared = new Map<string, AnyChannel>()

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

  const enter = (value: unknown, path: string): AnyChannel | undefined => {
    if (isDoor(value)) {
      problems.push({
        path,
        message: `is a door into ${value.into.address}; name that channel here, and the door in doors`,
      })
      return undefined
    }
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
    const complete = checked(value, path, channelProblems(value, path))
    if (complete) channels.set(value.address, complete)
    return complete
  }

  const checked = <Value extends AnyChannel | Door>(
    value: Value,
    path: string,
    wrong: readonly Problem[],
  ): Value | undefined => {
    enterConnection(value.connection, path)
    const options = channelOptions(value)
    problems.push(...wrong, ...('problems' in options ? options.problems : []))
    return wrong.length > 0 || 'problems' in options ? undefined : { ...value, options: options.value }
  }

  const enterTarget = (value: unknown, path: string): Channel | undefined => {
    const channel = enter(value, path)
    if (channel?.retries !== 'caller') return channel as Channel | undefined
    problems.push({
      path,
      message: `must be a channel that can be sent to, got ${channel.address}, which takes requests`,
    })
    return undefined
  }

  return {
    channels,
    connections,
    enterConnection,
    enter,
    enterTarget,
    enterDoor(value, path) {
      if (!isDoor(value)) {
        problems.push({
          path,
          message: `must be a door, got ${show(value)}; make one from a connection: http(name).post(path, { into: channel })`,
        })
        return undefined
      }
      const into = enterTarget(value.into, `${path}.into`)
      const complete = checked(value, path, nameProblems(value, path))
      return complete && into ? { ...complete, into } : undefined
    },
  }
}

/** The name of a channel's codec, `custom` for one of the user's own. */
export const codecName = (channel: AnyChannel): CodecName =>
  typeof channel.codec === 'string' ? channel.codec : 'custom'

export const isChannel = (value: unknown): value is AnyChannel => isPlace(value) && !('into' in value)

const isDoor = (value: unknown): value is Door => isPlace(value) && 'into' in value && isChannel(value.into)

const isPlace = (value: unknown): value is AnyChannel | Door =>
  isPlainObject(value) &&
  typeof value.name === 'string' &&
  typeof value.address === 'string' &&
  typeof value.type === 'string' &&
  isPlainObject(value.options) &&
  isPlainObject(value.connection) &&
  typeof value.connection.name === 'string' &&
  isPlainObject(value.connection.options)

const HOW_TO_MAKE_ONE = 'make one from a connection: embedded().queue(name)'

const channelPath = (channel: Pick<AnyChannel, 'address'>): string => join('channels', channel.address)

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

const nameProblems = ({ name }: AnyChannel | Door, path: string): readonly Problem[] =>
  CHANNEL_NAME.test(name)
    ? []
    : [{ path, message: `must have a name of 1 to 255 printable characters, got ${show(name)}` }]

const channelProblems = (channel: AnyChannel, path: string): readonly Problem[] => [
  ...nameProblems(channel, path),
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

const channelOptions = ({ type, options, ...channel }: AnyChannel | Door): ReturnType<typeof checkedOptions> => {
  const { channels, together } = channel.connection.declares ?? {}
  const path = channelPath(channel)
  const checked = checkedOptions(channels?.[type], options, path)
  const problems = 'value' in checked ? (together?.[type]?.(checked.value, path) ?? []) : []
  return problems.length > 0 ? { problems } : checked
}

const checkedOptions = (specs: OptionSpecs | undefined, options: Readonly<Record<string, unknown>>, path: string) =>
  specs ? parseOptions(specs, options, path) : { value: options }

const sameDeclaration = (one: AnyChannel, other: AnyChannel): boolean =>
  one === other ||
  (one.type === other.type &&
    one.schema === other.schema &&
    isDeepStrictEqual(one.codec, other.codec) &&
    isDeepStrictEqual(one.options, other.options))

const declaredTwice = (channel: AnyChannel, path: string): Problem => ({
  path: channelPath(channel),
  message: `is declared twice with another type, codec, schema or options (again at ${path}); declare it once and import it`,
})
