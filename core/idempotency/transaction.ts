/**
 * The one way in which an effect happens exactly once: the claim, the effects and the result are one transaction of the
 * database that the effects are in. A crash at any moment rolls back all of it or none.
 *
 *   BEGIN ── claim: an insert that its key can have only once ──▶ fn(transaction) ──▶ result ── COMMIT
 *              └─ the key is there: what was returned then is answered, and fn does not run
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Duration } from '../config/duration.ts'
import type { PgClient, PgPool } from '../postgres.ts'
import { fingerprintOf, type IdempotencyKey, shownKey, storedKey } from './key.ts'
import { checkName, DEFAULT_TTL, TTL_RANGE, toMs } from './policy.ts'
import { payloadDiffers, resultInvalid } from './problems.ts'
import { resultOf, resultText } from './result.ts'
import { inPostgres } from './transaction-postgres.ts'
import { isPool } from './transaction-problems.ts'
import { inSqlite } from './transaction-sqlite.ts'

export interface TransactionOptions {
  /** Who processes: keys of different names know nothing of each other. */
  readonly name: string
  /** How long the key is remembered. Default: `7d`. */
  readonly ttl?: Duration
  /** What has to be the same when the key is. Left out: any payload is as good as another. */
  readonly payload?: unknown
}

/** What a transaction is about. */
export interface Transacted {
  /** As stored. */
  readonly key: string
  readonly fingerprint: string
  readonly ttlMs: number
  /** Throws where a result can be kept by nobody: then nothing has happened. */
  readonly write: (result: unknown) => string
  /** What was stored before, for a duplicate. Throws when it was for another payload. */
  readonly read: (stored: { readonly fingerprint: string; readonly result: string }) => unknown
}

interface WithTransaction {
  /**
   * For PostgreSQL: `fn` runs in a transaction on a client of the pool, and writes through that client. A concurrent call
   * with the key waits for it. What `fn` throws rolls all of it back and is thrown on.
   */
  <Result>(
    db: PgPool,
    key: IdempotencyKey,
    fn: (client: PgClient) => Promise<Result> | Result,
    options: TransactionOptions,
  ): Promise<Result>
  /**
   * For node:sqlite: `fn` runs in a transaction on this connection, and is not async, because whatever else used the
   * connection meanwhile would be part of the transaction. Throws what `fn` throws, rolled back.
   */
  <Result>(
    db: DatabaseSync,
    key: IdempotencyKey,
    fn: (db: DatabaseSync) => Result,
    options: TransactionOptions,
  ): Result extends PromiseLike<unknown> ? never : Promise<Result>
}

export const withTransaction = (async (
  db: PgPool | DatabaseSync,
  key: IdempotencyKey,
  fn: ((client: PgClient) => unknown) | ((db: DatabaseSync) => unknown),
  options: TransactionOptions,
) => {
  const about = transactedOf(key, { ...options })
  return isPool('withTransaction', db)
    ? inPostgres(db, about, fn as (client: PgClient) => unknown)
    : inSqlite(db, about, fn as (db: DatabaseSync) => unknown)
}) as WithTransaction

const transactedOf = (key: IdempotencyKey, { name, ttl = DEFAULT_TTL, payload }: TransactionOptions): Transacted => {
  checkName('withTransaction', name)
  const ttlMs = toMs('withTransaction: ttl', ttl, TTL_RANGE)
  const fingerprint = payload === undefined ? '' : fingerprintOf(name, payload)
  return {
    key: storedKey(name, key),
    fingerprint,
    ttlMs,
    write(result) {
      const text = resultText(result, 'keep')
      if (text.startsWith('!')) throw resultInvalid(name, `${text.slice(1)}; the transaction was rolled back`)
      return text
    },
    read(stored) {
      if (stored.fingerprint !== '' && fingerprint !== '' && stored.fingerprint !== fingerprint)
        throw payloadDiffers(name, shownKey(key))
      return resultOf(name, stored.result)
    },
  }
}
