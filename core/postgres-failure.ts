/** What PostgreSQL or the way to it refused, as an error that says what to do. */
import { type ErrorCode, errorInfo, MillraceError } from './errors.ts'

type Cure = 'fatal' | 'again'

/** By SQLSTATE, or a word of the client's or the system's. */
const ADVICE: readonly (readonly [pattern: RegExp, cure: Cure, advice: string])[] = [
  [/^(28000|28P01)$/, 'fatal', 'PostgreSQL does not let this user in; check user, password, tls and pg_hba.conf'],
  [/^3D000$/, 'fatal', 'there is no such database; check url, or CREATE DATABASE'],
  [/^42501$/, 'fatal', 'this user may not do that; GRANT it'],
  [/^(42P01|42703|3F000|42883)$/, 'fatal', 'the table is not what Millrace needs'],
  [/^53300$/, 'again', 'PostgreSQL takes no more connections; raise max_connections or lower maxConnections'],
  [/^(53\d{3}|58\d{3})$/, 'again', 'the server has no room left'],
  [/^25006$/, 'again', 'this server takes no writes; it may be a standby'],
  [/^(57P0[1-5])$/, 'again', 'the server is stopping or starting'],
  [/^(40001|40P01|55P03)$/, 'again', 'another transaction was in the way'],
  [/^(CERT_|DEPTH_|UNABLE_|SELF_SIGNED|ERR_TLS|ERR_SSL)/, 'again', 'TLS could not be agreed on; check tls'],
  [
    /^(ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|EPIPE|EAI_AGAIN|08\w{3})$|Connection terminated|timeout|not queryable/i,
    'again',
    'PostgreSQL cannot be reached, or the connection broke; check url and tls',
  ],
]

/**
 * `where` says what was being done: `reading shop/outbox`. Where trying again cannot mend it the error is fatal, and
 * SOURCE_FATAL instead of SOURCE_FAILED; of verdicts and records (`SETTLE_FAILED`, `SEND_FAILED`) none is.
 */
export const postgresError = (code: ErrorCode, where: string, thrown: unknown): MillraceError => {
  if (thrown instanceof MillraceError) return thrown
  const { message, code: word = '' } = errorInfo(thrown)
  const said = message || word || 'the connection failed'
  const known = ADVICE.find(([pattern]) => pattern.test(word) || pattern.test(message))
  const fatal = known?.[1] === 'fatal' && code !== 'SETTLE_FAILED' && code !== 'SEND_FAILED'
  return new MillraceError(
    fatal && code === 'SOURCE_FAILED' ? 'SOURCE_FATAL' : code,
    `${where}: ${said}${known ? `; ${known[2]}` : ''}`,
    { cause: thrown, fatal },
  )
}

/** SQLSTATE of what pg threw: `42P01` where a table is missing. Undefined for what the server did not say. */
export const sqlState = (thrown: unknown): string | undefined => {
  const { code } = errorInfo(thrown)
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/**
 * Makes tables that are missing, by statements with IF NOT EXISTS. Whatever that says, of two processes that make one at the
 * same time the second may be told that its name, type or row in the catalogue is there already: then it is.
 */
export const createMissing = async (create: () => Promise<unknown>): Promise<void> => {
  try {
    await create()
  } catch (thrown) {
    if (!MADE_MEANWHILE.includes(sqlState(thrown) ?? '')) throw thrown
    await create()
  }
}

const MADE_MEANWHILE: readonly string[] = ['23505', '42P07', '42710']
