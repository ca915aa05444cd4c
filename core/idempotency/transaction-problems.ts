/** What cannot be a transaction, or was none any more. TypeErrors: it is the code that has to change. */
import type { DatabaseSync } from 'node:sqlite'
import type { PgPool } from '../postgres.ts'
import { shownKey } from './key.ts'

/** A pool hands out clients; a database of node:sqlite prepares statements itself. Throws for what is neither. */
export const isPool = (where: string, db: PgPool | DatabaseSync): db is PgPool => {
  const given = Object(db) as Partial<
    Record<'connect' | 'release' | 'processID' | 'prepare' | 'setAuthorizer', unknown>
  >
  // A client has `connect` as well: what one connection does may be in a transaction of somebody else already.
  if (typeof given.connect === 'function' && !('release' in given) && !('processID' in given)) return true
  if (typeof given.prepare === 'function' && 'isTransaction' in given) return false
  throw new TypeError(
    `${where}: the database must be a Pool of the package pg (not one of its clients) or a DatabaseSync of node:sqlite, got ${typeof given.connect === 'function' ? 'a client' : shownKey(typeof db)}`,
  )
}

export const isInside = (what: string, instead: string): TypeError =>
  new TypeError(
    `withTransaction: this is called inside a transaction ${what}, for whose keys and clients it would wait; ${instead}`,
  )

export const endedInside = (where: string): TypeError =>
  new TypeError(
    `${where}: the function ended the transaction that it was called in; leave BEGIN, COMMIT and ROLLBACK out of it (savepoints are fine). What it wrote may be kept or not`,
  )
