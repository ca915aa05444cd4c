import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BrokerKind, Scope } from '../broker.ts'
import { type Found, onPath } from '../found.ts'
import { openLifeline } from '../guardian.ts'
import { freePort } from '../ports.ts'
import { runCommand } from './command.ts'

const COMPOSE_FILE = fileURLToPath(new URL('../../../../compose.yaml', import.meta.url))

const URL_AT: Readonly<Record<BrokerKind, (port: number) => string>> = {
  kafka: port => `127.0.0.1:${port}`,
  postgres: port => `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
  rabbitmq: port => `amqp://guest:guest@127.0.0.1:${port}`,
  redis: port => `redis://127.0.0.1:${port}`,
}

/** Starts the broker with Docker Compose for as long as the scope lives; answers why not otherwise. */
export const composeBroker = async (kind: BrokerKind, scope: Scope, signal: AbortSignal): Promise<Found> => {
  if (!onPath('docker')) return nowhere('no docker here')
  const engine = await runCommand('docker', ['info'], signal)
  if (engine.failure !== undefined) return nowhere('no Docker engine answers')
  const port = await freePort()
  const project = `millrace-test-${kind}-${randomUUID().slice(0, 8)}`
  const compose = ['compose', '-p', project, '-f', COMPOSE_FILE]
  const lifeline = openLifeline('docker', [...compose, 'down', '--volumes'])
  scope.after(lifeline.close)
  const env = { [`${kind.toUpperCase()}_PORT`]: String(port) }
  const up = await runCommand('docker', [...compose, 'up', '--detach', '--wait', kind], signal, env)
  if (up.failure !== undefined) return nowhere(up.failure)
  return { from: 'service', version: imageVersion(kind), url: URL_AT[kind](port), origin: 'Docker Compose' }
}

const nowhere = (reason: string): Found => ({ from: 'nowhere', reason })

const imageVersion = (kind: BrokerKind): string =>
  new RegExp(`image: \\S*${kind}:(\\S+)`).exec(readFileSync(COMPOSE_FILE, 'utf8'))?.[1] ?? 'of unknown version'
