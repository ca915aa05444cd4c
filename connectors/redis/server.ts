/** Which server this is, and whether it will do. */
import { MillraceError } from '../../core/errors.ts'
import type { RedisClient } from './connection.ts'
import { answeredWith, redisError } from './failure.ts'

export interface ServerVersion {
  /** `Redis 7.0.15`, `Valkey 9.1.2`. */
  readonly title: string
  /** The version of Redis whose commands it has. */
  readonly redis: string
}

/** The first with XPENDING by idle time, BLMOVE and ranges that begin behind an id. */
const OLDEST_REDIS = '6.2'

/** Of what INFO answers; undefined where that does not say it. Pure. */
export const versionIn = (info: string): ServerVersion | undefined => {
  const redis = /^redis_version:(\S+)/m.exec(info)?.[1]
  if (redis === undefined) return undefined
  const valkey = /^valkey_version:(\S+)/m.exec(info)?.[1]
  return { title: valkey === undefined ? `Redis ${redis}` : `Valkey ${valkey}`, redis }
}

/** Whether commands are missing that nothing here can do without. Pure. */
export const isTooOld = ({ redis }: ServerVersion): boolean => {
  const [major = 0, minor = 0] = redis.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_REDIS.split('.').map(Number)
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor)
}

/** Undefined to a user who may not ask. Rejects when Redis cannot be asked. */
export const versionOf = async (name: string, client: RedisClient): Promise<ServerVersion | undefined> => {
  try {
    return versionIn(String(await client.call('INFO', 'server')))
  } catch (error) {
    if (answeredWith(error, 'NOPERM')) return undefined
    throw redisError('SOURCE_FAILED', `asking ${name} for its version`, error)
  }
}

/** Throws SOURCE_FATAL for one that is too old. A version that nobody has tried is taken for new enough. */
export const mustBeNewEnough = (name: string, version: ServerVersion | undefined): void => {
  if (version && isTooOld(version))
    throw new MillraceError(
      'SOURCE_FATAL',
      `${name}: the server must be Redis ${OLDEST_REDIS} or newer, got ${version.title}; use a newer one`,
      { fatal: true },
    )
}
