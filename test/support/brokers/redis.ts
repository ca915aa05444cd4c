import type { Broker, Scope } from './broker.ts'
import { versionHere } from './found.ts'
import { freePort } from './ports.ts'
import { runBroker } from './run.ts'

export interface RedisOptions {
  /** Where it listens; default: a free port. */
  readonly port?: number
  readonly password?: string
  /** `tls`: it takes no plain connections; `settings` name the certificates. */
  readonly encryption?: 'tls'
  /** More options, as on its command line without the dashes. */
  readonly settings?: Readonly<Record<string, string | number>>
}

/** Redis which writes every command to disk before it answers, so that what it confirmed survives SIGKILL. */
export const startRedis = (scope: Scope, options: RedisOptions = {}): Promise<Broker> =>
  runBroker(scope, async folder => {
    const port = options.port ?? (await freePort())
    const settings = {
      bind: '127.0.0.1',
      ...(options.encryption === 'tls' ? { port: 0, 'tls-port': port } : { port }),
      dir: folder,
      appendonly: 'yes',
      appendfsync: 'always',
      save: '',
      ...(options.password === undefined ? {} : { requirepass: options.password }),
      ...options.settings,
    }
    return {
      kind: 'redis',
      version: versionHere('redis'),
      url: `redis://${options.password === undefined ? '' : `:${options.password}@`}127.0.0.1:${port}`,
      programs: [
        {
          name: 'redis',
          command: 'redis-server',
          args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
          ready: /Ready to accept connections/,
        },
      ],
    }
  })
