/** The dead letter store in PostgreSQL, for apps on several machines. */
import type { Clock } from '../../core/clock.ts'
import { type Owner, ownerToText, thisProcess } from '../../core/owner.ts'
import type { Postgres } from '../../core/postgres.ts'
import { DEFAULT_LIMITS, type StoreLimits } from '../sql/room.ts'
import { storeIn } from '../sql/store.ts'
import type { LetterStore } from '../store.ts'
import { postgresDatabase } from './database.ts'

export interface PostgresStoreOptions {
  readonly clock: Clock
  /** In whose name letters are leased. Default: this process. */
  readonly owner?: Owner
  /** Default: what `DEFAULT_LIMITS` says. */
  readonly limits?: () => StoreLimits
}

/**
 * Opens nothing until it is asked for something: then its tables are made, or upgraded, in the schema `millrace`.
 * Everything is a row, bodies too. `open` connects with `SESSION`.
 */
export const openPostgresStore = (
  open: () => Promise<Postgres>,
  { clock, owner = thisProcess(), limits = () => DEFAULT_LIMITS }: PostgresStoreOptions,
): LetterStore & { close(): Promise<void> } => {
  const database = postgresDatabase(open)
  const store = storeIn({
    database,
    clock,
    owner: ownerToText(owner),
    limits,
    watchers: { wakes: new Set(), changes: 0, sweptAt: 0 },
  })
  return { ...store, close: database.close }
}
