/** The rooms of a running app: what is opened with the first need of it, and closed in the order in which they lean on each other. */
import type { Alerts } from '../dlq/alerts.ts'
import type { LetterStore } from '../dlq/store.ts'
import type { Clock } from './clock.ts'
import type { ResolvedConfig } from './config/resolved.ts'
import type { SecretPlaces } from './config/secret.ts'
import { type Connections, createConnections, type LoadConnector } from './connections.ts'
import type { OutgoingRecord } from './contract.ts'
import type { Database } from './database.ts'
import type { DeployStatus } from './deploys.ts'
import { createDoors, type Doors } from './doors.ts'
import type { FunctionSpec } from './engine/contract.ts'
import { createEngine, type FunctionEngine } from './engine/engine.ts'
import { createSharedBytes } from './flow/credit.ts'
import { createFence } from './flow/fence.ts'
import { createSuspectTurn } from './flow/suspect.ts'
import type { InvokeServer } from './invoke/server.ts'
import { createKeyStores, type KeyStores } from './key-stores.ts'
import { alertsOf } from './letter-alerts.ts'
import { type OpenedStore, openLetterStore } from './letter-store.ts'
import type { Log } from './log.ts'
import { createMappings, type Mappings, type Sources } from './mappings.ts'
import type { Run } from './runs.ts'
import type { Sending } from './sending.ts'
import type { StatusBoard } from './status-board.ts'

/** What an app is built from; tests bring a clock and brokers of their own. */
export interface AppParts {
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  readonly loadConnector: LoadConnector
  readonly openDatabase: (stateDir: string) => Database
  /** A last word on how functions run. */
  readonly adaptFunction: (spec: FunctionSpec) => FunctionSpec
  readonly secrets: SecretPlaces
  /** Whether other processes can ask how this app is. */
  readonly statusBoard: 'posted' | 'none'
  readonly sources: Sources
  readonly deploys?: () => DeployStatus
}

/** How long functions that ended their drain may take to shut down. */
const SHUTDOWN_GRACE_MS = 2_000

export interface Rooms {
  readonly database: Database
  readonly store: LetterStore
  readonly letters: OpenedStore
  readonly alerts: Alerts
  readonly connections: Connections
  readonly keyStores: KeyStores
  readonly engine: FunctionEngine
  readonly mappings: Mappings
  readonly doors: Doors
  board: StatusBoard | undefined
  run: Run | undefined
  door: InvokeServer | undefined
}

/** `current`: the configuration as it is at any time. */
export const openRooms = (current: () => ResolvedConfig, parts: AppParts, sending: Sending): Rooms => {
  const config = current()
  const { clock, log } = parts
  const database = parts.openDatabase(config.stateDir)
  const letters = openLetterStore({ clock, log, database, secrets: parts.secrets, config: current })
  const { store } = letters
  const connections = createConnections(
    parts.loadConnector,
    {
      clock,
      log,
      random: parts.random,
      stateDir: config.stateDir,
      keys: () => keyStores.ofApp(),
      slots: async () => config.slots && connections.slots(config.slots),
    },
    parts.secrets,
  )
  const keyStores = createKeyStores({ clock, config: current, database, connections })
  // While the app drains, functions finish what they do, and sending is part of that.
  const send = (address: string, records: readonly OutgoingRecord[]) => sending.sendAll(connections, address, records)
  const sendEach = (address: string, records: readonly OutgoingRecord[]) =>
    sending.sendEach(connections, address, records)
  const { name: app, maxEnvironments, cpuShares, zygotes, stateDir } = config
  const engine = createEngine([], {
    clock,
    log,
    host: { send, keys: mapping => keyStores.of(mapping) },
    app,
    maxEnvironments,
    stateDir,
    limits: { cpuShares },
    zygotes,
  })
  const mappings = createMappings({
    clock,
    log,
    random: parts.random,
    engine,
    store,
    sharedBytes: createSharedBytes(config.maxInFlightBytes),
    suspectTurn: createSuspectTurn(),
    crashes: () => rooms.run?.crashes ?? 0,
    nextFences: createFence(clock),
    connections,
    secrets: parts.secrets,
    sources: parts.sources,
    send,
    keyStores,
    config: current,
    sendEach,
  })
  const rooms: Rooms = {
    database,
    store,
    letters,
    alerts: alertsOf(store, { clock, log, secrets: parts.secrets, config: current }),
    connections,
    keyStores,
    engine,
    mappings,
    doors: createDoors({ clock, log, connections, sendEach }),
    board: undefined,
    run: undefined,
    door: undefined,
  }
  return rooms
}

/** What takes requests ends first, what keeps state last. */
export const closeRooms = async (rooms: Rooms, log: Log): Promise<void> => {
  const closing = rooms.door?.close()
  await Promise.all([rooms.doors.stop(), rooms.mappings.stop()])
  await rooms.engine.close(SHUTDOWN_GRACE_MS)
  await closing
  await rooms.board?.close()
  await rooms.run?.end().catch(error => log.warn('the clean stop could not be written down', { error }))
  await rooms.keyStores.close()
  await rooms.alerts.stop()
  await rooms.connections.close()
  await rooms.letters.close()
  await rooms.database.close()
}
