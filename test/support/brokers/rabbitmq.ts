import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Broker, Scope } from './broker.ts'
import { rabbitmqHome, versionHere } from './found.ts'
import { freePort } from './ports.ts'
import { runBroker } from './run.ts'

export interface RabbitOptions {
  /** Where it listens; default: a free port. */
  readonly port?: number
  /** More lines of rabbitmq.conf. */
  readonly settings?: Readonly<Record<string, string | number>>
}

/** A broker that can be told what only its operator may do. */
export interface RabbitBroker extends Broker {
  /** Runs rabbitmqctl with these arguments, and resolves with what it says. */
  ctl(...args: readonly string[]): Promise<string>
}

/** A RabbitMQ node of its own, with its own name server; the user is guest. */
export const startRabbit = async (scope: Scope, options: RabbitOptions = {}): Promise<RabbitBroker> => {
  const home = rabbitmqHome()
  if (home === undefined) throw new Error('RabbitMQ is not installed here; node test/brokers.ts installs it')
  let env: NodeJS.ProcessEnv = {}
  const broker = await runBroker(scope, async folder => {
    const port = options.port ?? (await freePort())
    const epmdPort = await freePort()
    const node = { ...nodeEnv(folder, port, await freePort()), ...epmdEnv(epmdPort) }
    env = { ...process.env, ...node }
    await writeNode(folder, options.settings ?? {})
    await writeFile(join(folder, EPMD_PORT_FILE), String(epmdPort))
    return {
      kind: 'rabbitmq',
      version: versionHere('rabbitmq'),
      url: `amqp://guest:guest@127.0.0.1:${port}`,
      programs: [
        // RabbitMQ would start one as a daemon, which nobody could stop by its id.
        { name: 'epmd', command: 'epmd', args: ['-d'], env: epmdEnv(epmdPort), ready: /epmd running/ },
        {
          name: 'rabbitmq',
          command: join(home, 'bin', 'rabbitmq-server'),
          args: [],
          env: node,
          ready: /completed with \d+ plugins/,
        },
      ],
    }
  })
  const ctl = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(join(home, 'bin', 'rabbitmqctl'), [...args], { env })
    return stdout
  }
  return { ...broker, ctl }
}

/** In a node's folder, for those who speak to the node itself. */
const EPMD_PORT_FILE = 'epmd-port'

/** What another Erlang program needs to be let in by the node in this folder. */
export const nodeDoor = async (folder: string) => ({
  HOME: folder,
  ...epmdEnv(Number(await readFile(join(folder, EPMD_PORT_FILE), 'utf8'))),
})

const epmdEnv = (port: number) => ({ ERL_EPMD_PORT: String(port), ERL_EPMD_ADDRESS: '127.0.0.1' })

export const NODE_NAME = 'millrace@localhost'

/** Everything that RabbitMQ would otherwise take from the machine: names, folders, ports, configuration, cookie. */
const nodeEnv = (folder: string, port: number, distributionPort: number) => ({
  HOME: folder,
  RABBITMQ_CONF_ENV_FILE: join(folder, 'rabbitmq-env.conf'),
  RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
  RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
  RABBITMQ_NODENAME: NODE_NAME,
  RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
  RABBITMQ_NODE_PORT: String(port),
  RABBITMQ_DIST_PORT: String(distributionPort),
  RABBITMQ_MNESIA_BASE: join(folder, 'data'),
  RABBITMQ_LOG_BASE: join(folder, 'log'),
  RABBITMQ_PID_FILE: join(folder, 'pid'),
  // The link between nodes would listen on all interfaces; idle schedulers would spin.
  RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none',
})

const writeNode = async (folder: string, settings: Readonly<Record<string, string | number>>): Promise<void> => {
  // A test's temporary folder may be on a small disk: the limit of RabbitMQ's own would block every publisher.
  const all = { 'disk_free_limit.absolute': '10MB', 'log.file.level': 'warning', ...settings }
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}\n`)
  await mkdir(join(folder, 'log'))
  await Promise.all([
    writeFile(join(folder, 'rabbitmq.conf'), lines.join('')),
    writeFile(join(folder, 'rabbitmq-env.conf'), ''),
    writeFile(join(folder, 'enabled_plugins'), '[].\n'),
  ])
}
