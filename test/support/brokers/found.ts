/** Where the brokers of this machine are, without installing anything. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { BrokerKind } from './broker.ts'
import { KAFKA_VERSION, kafkaJars } from './kafka-jars.ts'

export const BROKER_KINDS: readonly BrokerKind[] = ['kafka', 'postgres', 'rabbitmq', 'redis']

export type Found =
  /** Its programs are here: each test file starts its own. */
  | { readonly from: 'programs'; readonly version: string }
  /** It runs already and is not ours to kill or pause. */
  | { readonly from: 'service'; readonly version: string; readonly url: string; readonly origin: string }
  | { readonly from: 'nowhere'; readonly reason: string }

/** What `npm test` found or installed before the test files run, for all of them: `Found` of each kind as JSON. */
export const FOUND_VARIABLE = 'MILLRACE_TEST_FOUND'

/** How the reason begins for which a test is skipped when there is no broker for it. */
export const WANT = 'for want of a broker: '

/** A URL in this variable names a broker that runs already. */
export const urlVariable = (kind: BrokerKind): string => `MILLRACE_TEST_${kind.toUpperCase()}`

const POSTGRES_HOME = '/usr/lib/postgresql'

/** Debian's own scripts of this name switch the user; those in the library folder do not. */
const RABBITMQ_HOMES = ['/usr/lib/rabbitmq', '/usr/local/lib/rabbitmq']

export const findBroker = (kind: BrokerKind, env: NodeJS.ProcessEnv = process.env): Found => {
  const handed = env[FOUND_VARIABLE]
  const told = handed === undefined ? undefined : (JSON.parse(handed) as Partial<Record<BrokerKind, Found>>)[kind]
  if (told !== undefined) return told
  const url = env[urlVariable(kind)]
  if (url !== undefined && url !== '')
    return { from: 'service', url, version: 'of unknown version', origin: urlVariable(kind) }
  const version = INSTALLED[kind]()
  return version === undefined
    ? { from: 'nowhere', reason: `${WANT}no ${kind} here; 'npm test' or 'node test/brokers.ts' installs one` }
    : { from: 'programs', version }
}

/** The version of the programs on this machine. */
export const versionHere = (kind: BrokerKind): string => INSTALLED[kind]() ?? 'of unknown version'

const INSTALLED: Readonly<Record<BrokerKind, () => string | undefined>> = {
  kafka: () => (existsSync(kafkaJars()) && onPath('java') ? KAFKA_VERSION : undefined),
  redis: () => {
    if (!onPath('redis-server')) return
    return /v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1]
  },
  postgres: () => {
    const programs = postgresPrograms()
    if (programs === undefined) return
    return /\d+(\.\d+)*/.exec(execFileSync(join(programs, 'postgres'), ['--version'], { encoding: 'utf8' }))?.[0]
  },
  rabbitmq: () => {
    const home = rabbitmqHome()
    if (home === undefined || !onPath('epmd')) return
    const library = readdirSync(join(home, 'lib')).find(name => name.startsWith('rabbitmq_server-'))
    return library?.replace('rabbitmq_server-', '')
  },
}

/** The folder with RabbitMQ's own scripts in `bin` and its code in `lib`. */
export const rabbitmqHome = (): string | undefined =>
  RABBITMQ_HOMES.find(home => existsSync(join(home, 'bin', 'rabbitmq-server')))

/** The folder with PostgreSQL's own programs, which Debian does not put on the path; the newest where there are several. */
export const postgresPrograms = (): string | undefined => {
  const versions = existsSync(POSTGRES_HOME) ? readdirSync(POSTGRES_HOME) : []
  const newestFirst = versions.toSorted((one, other) => Number(other) - Number(one))
  const folders = newestFirst.map(version => join(POSTGRES_HOME, version, 'bin'))
  return [...folders, ...(process.env.PATH ?? '').split(delimiter)].find(
    folder => existsSync(join(folder, 'postgres')) && existsSync(join(folder, 'initdb')),
  )
}

export const onPath = (program: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some(folder => existsSync(join(folder, program)))
