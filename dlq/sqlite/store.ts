/** The dead letter store in the app's SQLite database: parking and an embedded source's settling are one transaction. */
import { dirname } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import type { Database } from '../../core/database.ts'
import { type Owner, ownerToText, thisProcess } from '../../core/owner.ts'
import { DEFAULT_LIMITS, type StoreLimits } from '../sql/room.ts'
import { storeIn } from '../sql/store.ts'
import type { LetterStore } from '../store.ts'
import { fileBodies, noFiles } from './bodies.ts'
import { sharedOf, sqliteDatabase } from './database.ts'
import { STEPS } from './schema.ts'

export interface SqliteStoreOptions {
  readonly clock: Clock
  /** In whose name letters are leased. Default: this process. */
  readonly owner?: Owner
  /** Default: what `DEFAULT_LIMITS` says. */
  readonly limits?: () => StoreLimits
}

/**
 * A store in `database`, which the caller opened and closes. Several processes may use one file at once. Bodies from
 * 1 MB on are files beside it; unresolved letters stay until they are resolved, unless `limits` says otherwise.
 * Throws STATE_UNAVAILABLE when its tables cannot be made.
 */
export const openSqliteStore = (
  database: Database,
  { clock, owner = thisProcess(), limits = () => DEFAULT_LIMITS }: SqliteStoreOptions,
): LetterStore => {
  database.migrate('dead-letters', STEPS)
  const bodies = database.path === ':memory:' ? noFiles : sweptBodies(database, clock)
  return storeIn({
    database: sqliteDatabase(database, bodies),
    clock,
    owner: ownerToText(owner),
    limits,
    watchers: sharedOf(database).watchers,
  })
}

const sweptBodies = (database: Database, clock: Clock) => {
  const bodies = fileBodies(dirname(database.path))
  const named = database.sql('SELECT 1 FROM dead_letters WHERE body_file = ?')
  bodies.sweep(name => named.get(name) !== undefined, clock.now())
  return bodies
}
