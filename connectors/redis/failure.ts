/** What Redis or the way to it refused, as an error that says what to do. */
import { errorInfo, MillraceError } from '../../core/errors.ts'

type Cure = 'fatal' | 'again'

/** By the first word of Redis's answer, or a word of the client's or the system's. */
const ADVICE: readonly (readonly [pattern: RegExp, cure: Cure, advice: string])[] = [
  [
    /^(WRONGPASS|NOAUTH|ERR invalid password|ERR AUTH|ERR Client sent AUTH)/,
    'fatal',
    'Redis does not accept these credentials; check username and password',
  ],
  [
    /^NOPERM|^ERR The user executing the script can't|^ERR ACL failure in script/,
    'fatal',
    'this user may not do that; allow it by ACL SETUSER (the README lists what is needed)',
  ],
  [/^WRONGTYPE/, 'fatal', 'the key holds something of another type; check the name and the kind of the channel'],
  [/^ERR unknown command/i, 'fatal', 'this server is too old; Millrace needs Redis 6.2 or newer'],
  [/^OOM/, 'again', 'Redis has no memory left; raise maxmemory or delete what is not needed'],
  [/^(MISCONF|READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS)/, 'again', 'the server takes no writes now'],
  [/^(CERT_|DEPTH_|UNABLE_|SELF_SIGNED|ERR_TLS|ERR_SSL)/, 'again', 'TLS could not be agreed on; check tls'],
  [
    /ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|EPIPE|Connection is closed|max retries per request|Socket timeout|Stream isn't writeable|startup nodes|slots cache|sentinels? (are|is) unreachable/i,
    'again',
    'Redis cannot be reached, or the connection broke; check url, nodes or sentinels, and tls',
  ],
]

/** Where trying again cannot mend it the error is fatal; of verdicts and records none is, they are only tried again. */
export const redisError = (
  code: 'SOURCE_FAILED' | 'SETTLE_FAILED' | 'SEND_FAILED' | 'IDEMPOTENCY_STORE_FAILED',
  where: string,
  thrown: unknown,
): MillraceError => {
  if (thrown instanceof MillraceError)
    return thrown.code === code || thrown.fatal
      ? thrown
      : new MillraceError(code, `${where}: ${thrown.message}`, { cause: thrown })
  const message = answerOf(thrown)
  const { code: word = '' } = errorInfo(thrown)
  const known = ADVICE.find(([pattern]) => pattern.test(message) || pattern.test(word))
  const fatal = known?.[1] === 'fatal' && code === 'SOURCE_FAILED'
  return new MillraceError(
    fatal ? 'SOURCE_FATAL' : code,
    `${where}: ${message || word || 'the connection failed'}${known ? `; ${known[2]}` : ''}`,
    { cause: thrown, fatal },
  )
}

/** Whether Redis answered with an error that begins with this word, to a script as well. */
export const answeredWith = (thrown: unknown, word: string): boolean => answerOf(thrown).startsWith(word)

/** Before 7.0 the error of a command in a script stands behind where in the script it was. */
const IN_SCRIPT = /^ERR Error running script \(call to \w+\): (?:@user_script: ?\d+: )+-?/

const answerOf = (thrown: unknown): string => errorInfo(thrown).message.replace(IN_SCRIPT, '')
