/** Where an app keeps its idempotency keys: in its state folder, or where the configuration says, opened when first asked. */
import { type Clock, machineMs, systemClock } from './clock.ts'
import type { ConnectionValue } from './config/channel.ts'
import type { ResolvedConfig } from './config/resolved.ts'
import type { Connections } from './connections.ts'
import type { Database } from './database.ts'
import { openSqliteIdempotency } from './idempotency/sqlite-store.ts'
import type { IdempotencyStore } from './idempotency-store.ts'

export interface KeyStores {
  /** The store of a mapping of the configuration as it is now. */
  of(mapping: string): IdempotencyStore
  /** The one that is for all where nothing else is said. */
  ofApp(): IdempotencyStore
  close(): Promise<void>
}

export interface KeyStoresParts {
  readonly clock: Clock
  readonly config: () => ResolvedConfig
  readonly database: Database
  readonly connections: Pick<Connections, 'keys'>
}

export const createKeyStores = ({ clock, config, database, connections }: KeyStoresParts): KeyStores => {
  // Time that a test moves is all the time there is.
  const leaseClock = clock === systemClock ? machineMs : clock.monotonic
  const inDatabase = lazily(async () => openSqliteIdempotency(database, { clock, machineMs: leaseClock }))
  const byConnection = new Map<string, IdempotencyStore>()

  const on = (connection: ConnectionValue): IdempotencyStore => {
    const known = byConnection.get(connection.name)
    if (known) return known
    // Brokers in memory, as in a test, keep no keys.
    const opened = lazily(async () => (await connections.keys(connection)) ?? inDatabase)
    byConnection.set(connection.name, opened)
    return opened
  }
  /** What several machines share is for their keys as well. */
  const ofApp = (): IdempotencyStore => {
    const { idempotency, state } = config()
    const shared = idempotency.store ?? state
    return shared ? on(shared) : inDatabase
  }
  return {
    of(name) {
      const own = config().mappings.find(mapping => mapping.name === name)?.idempotency?.store
      return own ? on(own) : ofApp()
    },
    ofApp,
    async close() {
      await Promise.all([...byConnection.values()].map(store => store.close()))
    },
  }
}

/** Opened with the first question; what failed to open is tried again with the next. */
const lazily = (open: () => Promise<IdempotencyStore>): IdempotencyStore => {
  let opened: Promise<IdempotencyStore> | undefined
  const store = (): Promise<IdempotencyStore> => {
    if (!opened) {
      const opening = open()
      opening.catch(() => {
        opened = undefined
      })
      opened = opening
    }
    return opened
  }
  return {
    claim: async (claims, by) => (await store()).claim(claims, by),
    write: async writes => (await store()).write(writes),
    show: async key => (await store()).show(key),
    remove: async key => (await store()).remove(key),
    close: async () => (await opened?.catch(() => undefined))?.close(),
  }
}
