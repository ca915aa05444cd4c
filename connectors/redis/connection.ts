/**
 * Clients of one Redis: a single server, a group watched by Sentinels, or a Cluster. Each blocking loop has a client of
 * its own, since a blocking command holds up all others on its connection.
 *
 * Whatever was under way when a connection broke is rejected, never sent again by the client: a read that was sent twice
 * would claim twice, and one that was "kept for later" might never end. Whoever asked looks and asks again.
 */
import { Cluster, Redis } from 'ioredis'
import type { Clock } from '../../core/clock.ts'
import { errorInfo, type MillraceError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { answeredWith, redisError } from './failure.ts'
import { type Script, shaOf } from './script.ts'
import { addressOf, type RedisOptions, type ServerAddress } from './settings.ts'

export type RedisArgument = string | number | Uint8Array

/** One connection (in a Cluster: one to each node that is asked). It reconnects by itself for as long as it is open. */
export interface RedisClient {
  /** For what `call` cannot do: subscriptions, pipelines. */
  readonly raw: Redis | Cluster
  readonly isCluster: boolean
  /** True while commands can be sent. */
  isReady(): boolean
  /**
   * Resolves once commands can be sent. Rejects after `waitMs` with why not, and at once when the credentials are refused
   * (fatal).
   */
  ready(waitMs: number): Promise<void>
  /** The reply with every text in it as bytes. Rejects when it is not connected; nothing is queued. */
  call(command: string, ...args: readonly RedisArgument[]): Promise<unknown>
  /** Runs a script on keys of one slot, atomically; the reply is as `call`'s. */
  run(script: Script, keys: readonly string[], args: readonly RedisArgument[]): Promise<unknown>
  /** Breaks the connection; what is under way rejects. May be called twice. */
  close(): void
}

export interface ClientTools {
  readonly clock: Clock
  readonly log: Log
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** `commands` are answered at once; `blocking` ones take up to {@link LONGEST_BLOCK_MS}; `messages` are pushed at any time. */
export type ClientUse = 'commands' | 'blocking' | 'messages'

/** What a blocking command may ask for. */
export const LONGEST_BLOCK_MS = 5_000
/** Silence for so long after a command, and the connection counts as half-open: it is broken and made anew. */
const SILENCE_MS = 15_000
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 5_000

export const openClient = (name: string, options: RedisOptions, use: ClientUse, tools: ClientTools): RedisClient => {
  const address = addressOf(name, options)
  const raw = createRaw(address, use, tools.random)
  const state: State = { lastError: undefined, reported: 'no' }
  watch(name, raw, state, tools)
  raw.connect().catch(error => noteError(name, state, tools, error))
  const mustBeReady = (): void => {
    if (raw.status !== 'ready') throw state.lastError ?? new Error('Connection is closed')
  }
  return {
    raw,
    isCluster: address.kind === 'cluster',
    isReady: () => raw.status === 'ready',
    ready: waitMs => untilReady(name, raw, state, tools.clock, waitMs),
    async call(command, ...args) {
      mustBeReady()
      return raw.callBuffer(command, ...args.map(toArgument))
    },
    async run(script, keys, args) {
      mustBeReady()
      const rest = [keys.length, ...keys, ...args.map(toArgument)]
      try {
        return await raw.callBuffer('EVALSHA', shaOf(script), ...rest)
      } catch (error) {
        if (!answeredWith(error, 'NOSCRIPT')) throw error
        return raw.callBuffer('EVAL', script.lua, ...rest)
      }
    },
    close: () => raw.disconnect(),
  }
}

interface State {
  lastError: unknown
  /** Whether the log has been told that it is not connected. */
  reported: 'yes' | 'no'
}

/** A view of the same bytes as the client takes them. */
const toArgument = (value: RedisArgument): string | number | Buffer =>
  value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value

/** At most about one try a second, and not all processes at the same moment. */
const pauseMs = (tries: number, random: () => number): number =>
  Math.min(FIRST_PAUSE_MS * 2 ** (tries - 1), LONGEST_PAUSE_MS) + Math.round(random() * FIRST_PAUSE_MS)

const createRaw = (address: ServerAddress, use: ClientUse, random: () => number): Redis | Cluster => {
  const retryStrategy = (tries: number): number => pauseMs(tries, random)
  const common = {
    ...address.login,
    // One wire format on every server: with RESP3 maps arrive in another shape.
    protocol: 2,
    lazyConnect: true,
    // Breaks off what is under way as soon as the connection is gone, see above.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    ...silenceOf(use),
    // After a failover the old master answers so; its clients must look for the new one.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } as const
  if (address.kind === 'cluster')
    return new Cluster([...address.nodes], {
      lazyConnect: true,
      clusterRetryStrategy: retryStrategy,
      retryDelayOnFailover: 0,
      slotsRefreshInterval: 2_000,
      redisOptions: common,
    })
  const single = { ...common, retryStrategy, enableOfflineQueue: false }
  if (address.kind === 'sentinels')
    return new Redis({ ...single, ...address.sentinel, sentinelRetryStrategy: retryStrategy })
  return address.url === undefined ? new Redis({ ...single, ...address.at }) : new Redis(address.url, single)
}

/** A subscriber sends nothing, so silence says nothing there: it is pinged instead, and renews what it listens to itself. */
const silenceOf = (use: ClientUse): { readonly socketTimeout?: number; readonly autoResubscribe?: false } =>
  use === 'messages'
    ? { autoResubscribe: false }
    : { socketTimeout: SILENCE_MS + (use === 'blocking' ? LONGEST_BLOCK_MS : 0) }

const watch = (name: string, raw: Redis | Cluster, state: State, tools: ClientTools): void => {
  raw.on('error', error => noteError(name, state, tools, error))
  raw.on('node error', error => noteError(name, state, tools, error))
  raw.on('ready', () => {
    if (state.reported === 'yes') tools.log.info(`${name}: connected to Redis again`)
    state.lastError = undefined
    state.reported = 'no'
  })
}

const noteError = (name: string, state: State, { log }: ClientTools, error: unknown): void => {
  // That it was closed only follows from what is known already.
  if (state.lastError === undefined || !answeredWith(error, 'Connection is closed')) state.lastError = error
  const tell = state.reported === 'no' ? log.warn : log.debug
  state.reported = 'yes'
  tell(`${name}: no connection to Redis; it is tried again`, { error: errorInfo(error) })
}

const untilReady = (name: string, raw: Redis | Cluster, state: State, clock: Clock, waitMs: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const problem = (): MillraceError =>
      redisError('SOURCE_FAILED', `connecting to ${name}`, state.lastError ?? new Error('ETIMEDOUT: no answer'))
    const end = (): void => {
      cancel()
      raw.off('ready', onReady)
      raw.off('error', onError)
      raw.off('node error', onError)
      raw.off('end', onEnd)
    }
    const onReady = (): void => {
      end()
      resolve()
    }
    const onEnd = (): void => {
      end()
      reject(problem())
    }
    const onError = (): void => {
      if (problem().fatal) onEnd()
    }
    const cancel = clock.after(waitMs, onEnd)
    if (raw.status === 'ready') return onReady()
    raw.on('ready', onReady)
    raw.on('error', onError)
    raw.on('node error', onError)
    raw.on('end', onEnd)
    if (raw.status === 'end' || (state.lastError !== undefined && problem().fatal)) onEnd()
  })
