/** The app's SQLite database as the store needs it: work runs to its end in one go, in the transaction of the turn. */
import type { StatementSync } from 'node:sqlite'
import type { JointWrite } from '../../core/contract.ts'
import type { Database } from '../../core/database.ts'
import { wrapError } from '../../core/errors.ts'
import type { BodyStore, LetterDatabase, Watchers } from '../sql/room.ts'
import type { Answer, Query, SqlValue, Work } from '../sql/work.ts'

/** How soon what other processes do is noticed; a look reads one number. */
const LOOK_MS = 200

export const sqliteDatabase = (database: Database, bodies: BodyStore): LetterDatabase => {
  const execute = executor(database)
  const finish = <T>(work: () => Work<T>): T => {
    const running = work()
    let step = running.next()
    while (!step.done) step = running.next(execute(step.value))
    return step.value
  }
  return {
    write: work => database.write(() => finish(work)),
    claim: work => database.claim(() => finish(work)),
    async read(work) {
      try {
        return finish(work)
      } catch (error) {
        throw isSqlite(error)
          ? wrapError('STATE_UNAVAILABLE', `${database.path} cannot be read; mend the disk or its permissions`, error)
          : error
      }
    },
    jointly: work => ({ database, write: () => void finish(work) }),
    runJoint(joint: JointWrite | undefined) {
      if (joint?.database !== database) return false
      joint.write()
      return true
    },
    texts: placeholder => `(SELECT value FROM json_each(${placeholder}))`,
    // SQLite stores text as UTF-8: half a surrogate pair is not stored the same on every way in.
    storable: text => text.toWellFormed(),
    identity: text => text.toWellFormed(),
    restored: text => text,
    version: () => dataVersion(database),
    lookMs: LOOK_MS,
    nothingKnown: sharedOf(database).known,
    bodies,
  }
}

const isSqlite = (error: unknown): boolean => (error as { code?: unknown }).code === 'ERR_SQLITE_ERROR'

/** Statements by the text they were written as. */
const executor = (database: Database): ((query: Query) => Answer) => {
  const statements = new Map<string, { readonly statement: StatementSync; readonly answers: boolean }>()
  const prepare = (text: string) => {
    const statement = database.sql(text.replaceAll(/\$(\d+)/g, '?$1'))
    return { statement, answers: statement.columns().length > 0 }
  }
  return ({ text, values }) => {
    let known = statements.get(text)
    if (!known) {
      known = prepare(text)
      statements.set(text, known)
    }
    const bound = values as SqlValue[]
    if (known.answers) return { rows: known.statement.all(...bound), changes: 0 }
    return { rows: NO_ROWS, changes: Number(known.statement.run(...bound).changes) }
  }
}

const NO_ROWS: readonly unknown[] = []

/** Rises whenever another connection commits; reading it costs about a microsecond and takes no lock. */
const dataVersion = (database: Database): number =>
  Number((database.sql('PRAGMA data_version').get() as { readonly data_version: number }).data_version)

interface Shared {
  readonly known: LetterDatabase['nothingKnown']
  readonly watchers: Watchers
}

/** Stores over one database of a process share these, because SQLite does not tell a connection of its own changes. */
const shared = new WeakMap<Database, Shared>()

export const sharedOf = (database: Database): Shared => {
  const before = shared.get(database)
  if (before) return before
  const created: Shared = {
    known: nothingKnownOf(database),
    watchers: { wakes: new Set<() => void>(), changes: 0, sweptAt: 0 },
  }
  shared.set(database, created)
  return created
}

/** True as long as no other connection commits. */
const nothingKnownOf = (database: Database): LetterDatabase['nothingKnown'] => {
  const names = new Set<string>()
  let seen = -1
  return {
    has(name) {
      const version = dataVersion(database)
      if (version !== seen) names.clear()
      seen = version
      return names.has(name)
    },
    add: name => names.add(name),
    delete: name => names.delete(name),
  }
}
