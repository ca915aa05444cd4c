/** Where an app keeps its dead letters: in its state folder, or in the database that several machines share. */
import { SESSION } from '../dlq/postgres/database.ts'
import { openPostgresStore } from '../dlq/postgres/store.ts'
import type { StoreLimits } from '../dlq/sql/room.ts'
import { openSqliteStore } from '../dlq/sqlite/store.ts'
import type { LetterStore } from '../dlq/store.ts'
import type { Clock } from './clock.ts'
import type { ResolvedConfig } from './config/resolved.ts'
import { resolveSecrets, type SecretPlaces } from './config/secret.ts'
import type { Database } from './database.ts'
import type { Log } from './log.ts'
import { openPostgres, type PostgresOptions } from './postgres.ts'

export interface OpenedStore {
  readonly store: LetterStore
  close(): Promise<void>
}

export interface LetterStoreParts {
  readonly clock: Clock
  readonly log: Log
  readonly database: Database
  readonly secrets: SecretPlaces
  /** As it is now. */
  readonly config: () => ResolvedConfig
}

/** What is shared is opened with the first need of it. Throws STATE_UNAVAILABLE when the state folder cannot be used. */
export const openLetterStore = ({ clock, log, database, secrets, config }: LetterStoreParts): OpenedStore => {
  const limits = (): StoreLimits => limitsOf(config())
  const { state } = config()
  if (!state) return { store: openSqliteStore(database, { clock, limits }), close: async () => {} }
  const store = openPostgresStore(
    () =>
      openPostgres(state.name, resolveSecrets(state.options, `connections.${state.name}`, secrets) as PostgresOptions, {
        log: log.with({ connection: state.name }),
        session: SESSION,
      }),
    { clock, limits },
  )
  return { store, close: store.close }
}

const limitsOf = ({ deadLetters }: ResolvedConfig): StoreLimits => ({
  maxReplays: deadLetters.maxReplays,
  keepResolvedMs: deadLetters.keepResolved,
  keepArchivedMs: deadLetters.keepArchived,
  expireAfterMs: deadLetters.expireAfter,
})
