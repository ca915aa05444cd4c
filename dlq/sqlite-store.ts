/** The dead letter store in the app's SQLite database: parking and an embedded source's settling are one transaction. */
import type { Clock } from '../core/clock.ts'
import type { Database } from '../core/database.ts'
import { type Owner, ownerToText, thisProcess } from '../core/owner.ts'
import { forgetAttempts, recallRecords, rememberAttempts } from './sqlite-attempts.ts'
import { operatorsOf } from './sqlite-operators.ts'
import { parkLetters } from './sqlite-park.ts'
import { replaysOf } from './sqlite-replays.ts'
import { openRoom } from './sqlite-room.ts'
import { STEPS } from './sqlite-schema.ts'
import { goOn, stoppedScopes } from './sqlite-stopped.ts'
import type { LetterStore } from './store.ts'

export interface SqliteStoreOptions {
  readonly clock: Clock
  /** In whose name letters are leased. Default: this process. */
  readonly owner?: Owner
}

/**
 * A store in `database`, which the caller opened and closes. Several processes may use one file at once. Bodies up to
 * SQLite's limit of 1 GB are kept; unresolved letters stay until they are resolved, resolved ones for 7 days.
 * Throws STATE_UNAVAILABLE when its tables cannot be made.
 */
export const openSqliteStore = (
  database: Database,
  { clock, owner = thisProcess() }: SqliteStoreOptions,
): LetterStore => {
  database.migrate('dead-letters', STEPS)
  const room = openRoom(database, clock, ownerToText(owner))
  return {
    park: (letters, joint) => parkLetters(room, letters, joint),
    recall: (mapping, source, ids) => recallRecords(room, mapping, source, ids),
    remember: (mapping, source, entries) => rememberAttempts(room, mapping, source, entries),
    forget: (mapping, source, ids) => forgetAttempts(room, mapping, source, ids),
    stopped: (mapping, source) => stoppedScopes(room, mapping, source),
    goOn: mapping => goOn(room, mapping),
    ...operatorsOf(room),
    ...replaysOf(room),
  }
}
