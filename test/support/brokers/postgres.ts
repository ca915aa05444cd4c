import { execFile, execFileSync } from 'node:child_process'
import { chmod, chown, copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Broker, Scope } from './broker.ts'
import { postgresPrograms, versionHere } from './found.ts'
import { freePort } from './ports.ts'
import type { RunAs } from './program.ts'
import { runBroker } from './run.ts'

export interface PostgresOptions {
  /** Where it listens; default: a free port. */
  readonly port?: number
  /** Asked of every client; default: none is. */
  readonly password?: string
  /** It takes no plain connections; files, PEM. */
  readonly encryption?: { readonly certFile: string; readonly keyFile: string }
  /** More lines of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string | number>>
}

/**
 * A PostgreSQL of its own; the user, and an empty database, is postgres. What it confirmed survives SIGKILL: it is with the
 * system by then. A power cut is not among the tests, so nothing waits for the disk.
 */
export const startPostgres = (scope: Scope, options: PostgresOptions = {}): Promise<Broker> =>
  runBroker(scope, async folder => {
    const programs = postgresPrograms()
    if (programs === undefined) throw new Error('PostgreSQL is not installed here; node test/brokers.ts installs it')
    const port = options.port ?? (await freePort())
    const as = whoMayRunIt()
    const data = join(folder, 'data')
    await own(folder, as)
    const { password, encryption } = options
    await writeFile(join(folder, 'password'), password ?? '-')
    await writeFile(join(folder, 'hba.conf'), hba(options))
    await promisify(execFile)(
      join(programs, 'initdb'),
      ['-D', data, '-U', 'postgres', '--no-sync', '--no-instructions', '-E', 'UTF8', '--locale=C', ...PASSWORD_FILE],
      { cwd: folder, ...as },
    )
    const settings = {
      listen_addresses: '127.0.0.1',
      port,
      unix_socket_directories: '',
      fsync: 'off',
      // The defaults are for a machine of its own; a start costs what they reserve.
      shared_buffers: '16MB',
      max_connections: 100,
      hba_file: join(folder, 'hba.conf'),
      ...(encryption === undefined ? {} : await tls(folder, encryption, as)),
      ...options.settings,
    }
    return {
      kind: 'postgres',
      version: versionHere('postgres'),
      url: `postgres://postgres${password === undefined ? '' : `:${password}`}@127.0.0.1:${port}/postgres`,
      programs: [
        {
          name: 'postgres',
          command: join(programs, 'postgres'),
          args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
          ...(as === undefined ? {} : { as }),
          // SIGTERM waits for every client to leave by itself.
          signals: { SIGTERM: 'SIGINT' },
          ready: /database system is ready to accept connections/,
        },
      ],
    }
  })

/** PostgreSQL refuses to run as root: then as the user its package made, or as nobody. */
const whoMayRunIt = (): RunAs | undefined => {
  if (process.getuid?.() !== 0) return undefined
  return idsOf('postgres') ?? idsOf('nobody')
}

const idsOf = (user: string): RunAs | undefined => {
  try {
    const [uid, gid] = ['-u', '-g'].map(which => Number(execFileSync('id', [which, user], { stdio: 'pipe' })))
    return uid === undefined || gid === undefined ? undefined : { uid, gid }
  } catch {
    // There is no such user.
    return undefined
  }
}

const own = async (path: string, as: RunAs | undefined): Promise<void> => {
  if (as !== undefined) await chown(path, as.uid, as.gid)
}

const PASSWORD_FILE = ['--auth=scram-sha-256', '--pwfile=password']

const hba = ({ password, encryption }: PostgresOptions): string =>
  `${encryption === undefined ? 'host' : 'hostssl'} all all 127.0.0.1/32 ${password === undefined ? 'trust' : 'scram-sha-256'}\n`

/** Copies, because it takes no key that others own or can read. */
const tls = async (folder: string, files: NonNullable<PostgresOptions['encryption']>, as: RunAs | undefined) => {
  const [cert, key] = [join(folder, 'server.pem'), join(folder, 'server.key')] as const
  await Promise.all([copyFile(files.certFile, cert), copyFile(files.keyFile, key)])
  await Promise.all([own(cert, as), own(key, as), chmod(key, 0o600)])
  return { ssl: 'on', ssl_cert_file: cert, ssl_key_file: key }
}
