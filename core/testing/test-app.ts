/** A whole app for tests: brokers in memory, functions inline, and a clock that jumps over what nobody wants to wait for. */
import { dirname } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { type MemoryConnector, memoryConnector } from '../../connectors/memory/connector.ts'
import { assembleApp, resolveConfig } from '../app.ts'
import type { App } from '../app-contract.ts'
import { sleep, systemClock } from '../clock.ts'
import type { Channel } from '../config/channel.ts'
import { loadConnector } from '../connectors.ts'
import type { EventRecord } from '../contract.ts'
import { openMemoryDatabase } from '../database.ts'
import { MillraceError } from '../errors.ts'
import { type Log, silentLog } from '../log.ts'
import { type FetchOptions, loopbackServers } from './loopback-servers.ts'
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts'

export interface TestApp extends Omit<App, 'start' | 'sendOutgoing' | 'reload'> {
  readonly clock: VirtualClock
  /**
   * Runs until every record is processed or parked, taking retries and batch windows as they come: the clock jumps to
   * the next thing that is due whenever nothing runs. Rejects with APP_STATE when that takes longer than `timeoutMs` of
   * real time (default 10,000), and says what is left.
   */
  idle(options?: { readonly timeoutMs?: number }): Promise<void>
  /**
   * Moves the clock on by so many milliseconds, letting what becomes due happen on the way. A function that runs for
   * more than 100 ms of real time is not waited for.
   */
  advance(ms: number): Promise<void>
  /** What was sent to a channel, in the order of arrival in its partition. */
  records(channel: Channel): readonly EventRecord[]
  /**
   * Asks a route or a door of the app, whose HTTP server listens on a loopback port of its own: `fetch('/orders/1')`. Rejects with
   * APP_STATE where there is no server, or several and none is named.
   */
  fetch(path: string, options?: FetchOptions): Promise<Response>
}

export interface TestAppOptions {
  /** What relative paths in the configuration start from. Default: the working folder. */
  readonly configFile?: string
  /** Default: silent. */
  readonly log?: Log
  /** Chosen delays: a number in [0, 1). Default: always 0.5, so that every run waits the same. */
  readonly random?: () => number
}

const IDLE_TIMEOUT_MS = 10_000
/** Turns of the event loop after which everything that does not wait for time or for a function has happened. */
const SETTLING_TURNS = 12
const BUSY_PAUSE_MS = 1
const FUNCTION_PATIENCE_MS = 100

/**
 * Starts an app on brokers in memory; whatever its connections are, none is opened but HTTP servers, for {@link TestApp.fetch}. Secrets that are not
 * set are the text `not set`. Functions run inline: their timeout cannot stop them, and they see the variables of the test's
 * own process. Throws CONFIG_INVALID.
 */
export const testApp = async (config: unknown, options: TestAppOptions = {}): Promise<TestApp> => {
  const folder = options.configFile === undefined ? process.cwd() : dirname(options.configFile)
  const clock = createVirtualClock()
  const brokers = new Map<string, MemoryConnector>()
  const servers = loopbackServers()
  // Dead letters too are in memory, wherever the configuration keeps them.
  const resolve = (written: unknown) => ({
    ...resolveConfig(written, folder, options.configFile),
    state: undefined,
  })
  const app = assembleApp(resolve(config), resolve, {
    clock,
    random: options.random ?? (() => 0.5),
    log: options.log ?? silentLog,
    loadConnector: async kind => (kind === 'http' ? servers.connector(loadConnector) : brokerOf(brokers, kind)),
    openDatabase: openMemoryDatabase,
    adaptFunction: spec => ({ ...spec, isolation: 'inline' }),
    secrets: { folder, missing: 'not set' },
    statusBoard: 'none',
    sources: 'all',
  })
  await app.start()

  const backlog = (): number => [...brokers.values()].reduce((sum, broker) => sum + broker.backlog(), 0)
  const isBusy = (): boolean => flowsOf(app).some(flow => flow.running > 0)
  const isDone = (): boolean => backlog() === 0 && flowsOf(app).every(flow => flow.inFlight === 0)

  /** Lets everything happen that needs no more time, functions that run included; these until `giveUpAt` of real time. */
  const settle = async (giveUpAt: number): Promise<void> => {
    for (let quietTurns = 0; quietTurns < SETTLING_TURNS; quietTurns = isBusy() ? 0 : quietTurns + 1) {
      if (!isBusy()) await turn()
      else if (systemClock.monotonic() > giveUpAt) return
      else await sleep(systemClock, BUSY_PAUSE_MS)
    }
  }
  const toNext = (): void => clock.advance(Math.max(0, (clock.nextAt() ?? 0) - clock.monotonic()))

  return {
    clock,
    send: app.send,
    invoke: app.invoke,
    invokeAsync: app.invokeAsync,
    pause: app.pause,
    resume: app.resume,
    status: app.status,
    deadLetters: app.deadLetters,
    idempotency: app.idempotency,
    fetch: servers.fetch,
    records: channel => brokers.get(channel.connection.kind)?.records(channel.address) ?? [],
    async idle({ timeoutMs = IDLE_TIMEOUT_MS } = {}) {
      const giveUpAt = systemClock.monotonic() + timeoutMs
      for (;;) {
        await settle(giveUpAt)
        if (isDone() && !(await hasReplays(app))) return
        if (systemClock.monotonic() > giveUpAt) throw left(app, backlog())
        toNext()
      }
    },
    async advance(ms) {
      const until = clock.monotonic() + ms
      for (;;) {
        await settle(systemClock.monotonic() + FUNCTION_PATIENCE_MS)
        const next = clock.nextAt()
        if (next === undefined || next > until) break
        toNext()
      }
      clock.advance(until - clock.monotonic())
      await settle(systemClock.monotonic() + FUNCTION_PATIENCE_MS)
    },
    async stop() {
      let stopped = false
      const stopping = app.stop().finally(() => {
        stopped = true
      })
      while (!stopped) {
        // A function that does not end is given up after its drainTimeout, which is virtual time.
        await settle(systemClock.monotonic() + FUNCTION_PATIENCE_MS)
        if (!stopped) toNext()
      }
      await stopping
    },
  }
}

const brokerOf = (brokers: Map<string, MemoryConnector>, kind: string): MemoryConnector => {
  const known = brokers.get(kind)
  if (known) return known
  const broker = memoryConnector(kind)
  brokers.set(kind, broker)
  return broker
}

const flowsOf = (app: App) =>
  app.status().mappings.flatMap(({ replay, ...mapping }) => (replay ? [mapping, replay] : [mapping]))

/** A replay that was asked for is work left to do until every letter of it has ended. */
const hasReplays = async (app: App): Promise<boolean> =>
  (await app.deadLetters.jobs({ state: 'running', limit: 1 })).length > 0

const left = (app: App, backlog: number): MillraceError => {
  const flows = flowsOf(app)
    .filter(flow => flow.inFlight > 0)
    .map(
      flow =>
        `${flow.name}: ${flow.inFlight} in flight, ${flow.running} batches running, breaker ${flow.breaker}${flow.lastError ? `, last error ${flow.lastError.message}` : ''}`,
    )
  return new MillraceError(
    'APP_STATE',
    `the app did not become idle: ${backlog} records are left; ${flows.join('; ') || 'nothing in flight'}`,
  )
}
