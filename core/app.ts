/** A configuration becomes a running app. */
import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { App, AppOptions } from './app-contract.ts'
import { appKeysOf } from './app-keys.ts'
import type { AppMappingStatus, AppState, AppStatus, DoorStatus } from './app-status.ts'
import { systemClock } from './clock.ts'
import { asyncAddress } from './config/async.ts'
import type { Channel, Door, InputOf } from './config/channel.ts'
import { functionSpec } from './config/function-options.ts'
import type { ResolvedConfig } from './config/resolved.ts'
import { configError, validateConfig } from './config/validate.ts'
import { loadConnector } from './connectors.ts'
import { openDatabase } from './database.ts'
import type { FunctionSpec } from './engine/contract.ts'
import { MillraceError } from './errors.ts'
import { encodeRecords } from './event/encode.ts'
import { invokeDirect } from './invoke/direct.ts'
import { asyncPayload, notAsync, payloadOf } from './invoke/payload.ts'
import { deadLettersOf } from './letters.ts'
import { type Log, silentLog } from './log.ts'
import { type AppParts, closeRooms, openRooms, type Rooms } from './rooms.ts'
import { beginRun } from './runs.ts'
import { createSending } from './sending.ts'
import { postStatus } from './status-board.ts'

/**
 * Checks a configuration and makes an app of it; nothing is opened until it is started or sends. Throws CONFIG_INVALID
 * with all problems at once.
 */
export const createApp = (config: unknown, options: AppOptions = {}): App => {
  const { configFile, log = silentLog, sources = 'all', deploys } = options
  const folder = configFile === undefined ? process.cwd() : dirname(configFile)
  const resolved = resolveConfig(config, folder, configFile)
  return assembleApp(resolved, next => resolveConfig(next, folder, configFile), {
    ...systemParts(log, folder),
    sources,
    ...(deploys ? { deploys } : {}),
  })
}

const systemParts = (log: Log, folder: string): Omit<AppParts, 'sources'> => ({
  clock: systemClock,
  random: Math.random,
  log,
  loadConnector,
  openDatabase,
  adaptFunction: spec => spec,
  secrets: { folder },
  statusBoard: 'posted',
})

/** Checks a configuration whose relative paths start from `folder`. Throws CONFIG_INVALID. */
export const resolveConfig = (config: unknown, folder: string, file?: string): ResolvedConfig => {
  const validation = validateConfig(config, { folder })
  if (validation.ok) return validation.config
  throw configError(validation.problems, file ?? 'the configuration')
}

/** An app of these parts. `resolve` checks what `reload` is given. */
export const assembleApp = (
  first: ResolvedConfig,
  resolve: (config: unknown) => ResolvedConfig,
  parts: AppParts,
): App => {
  const { clock, log } = parts
  let config = first
  let state: AppState = 'created'
  let startedAt: number | undefined
  let opened: Rooms | undefined
  let stopping: Promise<void> | undefined
  /** The beginning of a start, which a stop waits for. */
  let begun: Promise<void> = Promise.resolve()

  const sending = createSending(() => config.channels)

  /** State and connections, opened with the first need of them. */
  const open = (): Rooms => {
    if (state === 'stopped' || state === 'stopping')
      throw new MillraceError('APP_STATE', `the app ${config.name} is ${state}; create another one`)
    opened ??= openRooms(() => config, parts, sending)
    return opened
  }
  const specs = (resolved: ResolvedConfig): readonly FunctionSpec[] =>
    [...resolved.functions.values()].map(each => parts.adaptFunction(functionSpec(each, parts.secrets)))

  /** Who only replays dead letters takes nothing in. */
  const doorsOf = ({ doors }: ResolvedConfig): readonly Door[] => (parts.sources === 'all' ? doors : [])

  const status = (): AppStatus => {
    const mappings = opened?.mappings.status() ?? []
    const doors = opened?.doors.status() ?? []
    return {
      name: config.name,
      state,
      ready: state === 'running' && mappings.every(isReading) && doors.every(isOpen),
      startedAt,
      mappings,
      ...(doors.length > 0 ? { doors } : {}),
      functions: opened?.engine.functions() ?? [],
      ...(opened?.door ? { invokeUrl: opened.door.url } : {}),
      ...(parts.deploys ? { deploys: parts.deploys() } : {}),
    }
  }

  const begin = async (app: Rooms): Promise<void> => {
    app.run = await beginRun(app.database, clock, config.name)
    if (!config.invoke) return
    const { openInvokeServer } = await import('./invoke/server.ts')
    app.door = await openInvokeServer(config.invoke, {
      has: (name, variant) => {
        const found = config.functions.get(name)
        return found !== undefined && (variant !== 'canary' || found.canary !== undefined)
      },
      invoke: invocation => invokeDirect(app.engine, clock, invocation),
      invokeAsync: queueEvent,
    })
    log.info(`functions may be called at ${app.door.url}`)
  }

  const queueEvent = async (functionName: string, event: unknown, requestId: string): Promise<void> => {
    const address = asyncAddress(functionName)
    if (!config.channels.has(address)) throw notAsync(functionName, config)
    await sending.sendAll(open().connections, address, [{ id: requestId, body: asyncPayload(functionName, event) }])
  }

  const stop = async (): Promise<void> => {
    state = 'stopping'
    if (opened) {
      await Promise.allSettled([begun])
      await closeRooms(opened, log)
    }
    state = 'stopped'
  }

  return {
    async start() {
      if (state !== 'created')
        throw new MillraceError('APP_STATE', `the app ${config.name} is ${state}; an app is started once`)
      const functions = specs(config)
      const app = open()
      state = 'starting'
      startedAt = clock.now()
      for (const { path, message } of config.notices) log.info(`${path} ${message}`)
      app.engine.replace(functions)
      if (parts.statusBoard === 'posted') app.board = postStatus(app.database, clock, log, status)
      begun = begin(app)
      await begun
      // What a stop has passed by is not started any more.
      if (stopping) return
      await Promise.all([app.doors.replace(doorsOf(config)), app.mappings.replace(config)])
      if (parts.sources === 'all' && !stopping) app.alerts.start()
      if (!stopping) state = 'running'
    },
    stop() {
      stopping ??= stop()
      return stopping
    },
    async send(channel, records) {
      const address = typeof channel === 'string' ? channel : channel.address
      const target = sending.channelAt(address) as Channel<unknown, InputOf<typeof channel & Channel>>
      await sending.sendAll(open().connections, address, await encodeRecords(target, records))
    },
    sendOutgoing: async (address, records) => sending.sendEach(open().connections, address, records),
    async reload(written) {
      const next = resolve(written)
      if (state !== 'running')
        throw new MillraceError(
          'APP_STATE',
          `the app ${config.name} is ${state}; only a running app takes another configuration`,
        )
      const fixed = FIXED.filter(option => !isDeepStrictEqual(next[option], config[option]))
      if (fixed.length > 0)
        throw new MillraceError('APP_STATE', `${fixed.join(', ')} changed; stop the app and start it again`, {
          fatal: true,
        })
      const functionSpecs = specs(next)
      config = next
      const { engine, mappings, doors } = open()
      const functions = engine.replace(functionSpecs)
      const [changed] = await Promise.all([mappings.replace(next), doors.replace(doorsOf(next))])
      return { functions, mappings: changed }
    },
    async invoke(functionName, event, options = {}) {
      const { engine } = open()
      // An app that was not started hosts just what is asked for.
      if (state === 'created')
        engine.replace(specs(config).flatMap(spec => (spec.name === functionName ? { ...spec, provisioned: 0 } : [])))
      return invokeDirect(engine, clock, { signal: NEVER, ...options, functionName, payload: payloadOf(event) })
    },
    async invokeAsync(functionName, event, { requestId = crypto.randomUUID() } = {}) {
      await queueEvent(functionName, event, requestId)
      return { requestId }
    },
    pause: async mapping => open().mappings.pause(mapping),
    resume: async mapping => open().mappings.resume(mapping),
    status,
    idempotency: appKeysOf(
      () => open().keyStores,
      () => config,
    ),
    deadLetters: deadLettersOf(
      () => open().store,
      () => config,
    ),
  }
}

/** What a running app does not exchange. */
const FIXED = ['name', 'stateDir', 'state', 'cpuShares', 'invoke'] as const

const NEVER = new AbortController().signal

const isOpen = ({ state }: DoorStatus): boolean => state === 'open'

const isReading = ({ state, waitsForSource }: AppMappingStatus): boolean =>
  (state === 'running' || state === 'paused') && waitsForSource === undefined
