/** What a server's own settings mean for records that are to be safe; said once, when a connection is opened. */
import { errorInfo } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { RedisClient } from './connection.ts'

/** Settings of a server by name, as CONFIG GET has them. */
export type ServerSettings = Readonly<Record<string, string>>

/** Each a sentence with what to do; none where all is as it should be. Pure. */
export const adviceOn = (settings: ServerSettings): readonly string[] => {
  const { maxmemory = '0', appendonly, appendfsync, save = '' } = settings
  const policy = settings['maxmemory-policy']
  return [
    ...(maxmemory !== '0' && policy !== undefined && policy !== 'noeviction'
      ? [`maxmemory-policy is ${policy}: out of memory, Redis deletes keys, records among them; set noeviction`]
      : []),
    ...(appendonly === 'no' && save === ''
      ? ['nothing is written to disk (appendonly no, no save): a restart loses every record; set appendonly yes']
      : []),
    ...(appendonly === 'no' && save !== ''
      ? ['only snapshots are written to disk: a crash loses what came after the last; set appendonly yes']
      : []),
    ...(appendonly === 'yes' && appendfsync === 'no'
      ? ['appendfsync is no: a power cut loses what the system had not written, half a minute of it; set everysec']
      : []),
  ]
}

/** The same for idempotency keys, each of which is a duplicate more when it goes. Pure. */
export const keyAdvice = ({ maxmemory = '0', appendonly, ...settings }: ServerSettings): readonly string[] => {
  const policy = settings['maxmemory-policy']
  return [
    ...(policy !== undefined && policy !== 'noeviction'
      ? [
          `maxmemory-policy is ${policy}${maxmemory === '0' ? ' (no maxmemory is set yet)' : ''}: an idempotency key that Redis deletes to make room is a record that runs twice; set noeviction`,
        ]
      : []),
    ...(appendonly === 'no'
      ? ['appendonly is no: a restart forgets idempotency keys, and what they stand for runs again; set appendonly yes']
      : []),
  ]
}

const ASKED = ['maxmemory', 'maxmemory-policy', 'appendonly', 'appendfsync', 'save']

/** Warns of each. A server that does not tell its settings, as hosted ones do not, is left at that. */
export const adviseOn = (name: string, client: RedisClient, log: Log): Promise<void> =>
  adviseBy(adviceOn, name, client, log)

export const keyAdviceOn = (name: string, client: RedisClient, log: Log): Promise<void> =>
  adviseBy(keyAdvice, name, client, log)

const adviseBy = async (adviceFor: typeof adviceOn, name: string, client: RedisClient, log: Log): Promise<void> => {
  try {
    for (const advice of adviceFor(await settingsOf(client))) log.warn(`${name}: ${advice}`)
  } catch (error) {
    log.debug(`${name}: the server does not tell its settings`, { error: errorInfo(error) })
  }
}

/** One by one: servers before 7.0 take a single name. */
const settingsOf = async (client: RedisClient): Promise<ServerSettings> => {
  const answers = await Promise.all(ASKED.map(each => client.call('CONFIG', 'GET', each)))
  return Object.fromEntries(
    (answers as readonly (readonly Buffer[])[]).flatMap(([name, value]) =>
      name && value ? [[name.toString(), value.toString()]] : [],
    ),
  )
}
