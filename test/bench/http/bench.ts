/** A request whose function does nothing: how many a second, and how long the slowest of a hundred takes. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import { freePort } from '../../support/brokers/ports.ts'
import { until } from '../../support/until.ts'
import { installPeers, peer } from '../brokers/peers.ts'
import type { Aim, Bench, Contestant } from '../contestant.ts'

interface Load {
  readonly perSecond: number
  readonly p99Us: number
}

interface Server {
  readonly name: string
  readonly aim?: Aim
  readonly start: (port: number, folder: string) => readonly string[]
  readonly cwd?: string
}

const CONNECTIONS = 32
const MEASURED_MS = 1_500
/** Of the peer, which is slow to start. */
const START_TIMEOUT_MS = 60_000
const here = (file: string): string => `${import.meta.dirname}/${file}`
const PEER = peer('serverless-offline')

const SERVERS: readonly Server[] = [
  { name: 'bare fastify', start: port => [here('fastify-main.ts'), String(port)] },
  {
    name: 'millrace inline',
    aim: { is: 'at least', ratio: 0.6 },
    start: (port, folder) => [here('millrace-main.ts'), String(port), 'inline', folder],
  },
  { name: 'millrace process', start: (port, folder) => [here('millrace-main.ts'), String(port), 'process', folder] },
  {
    name: 'serverless-offline',
    cwd: PEER,
    start: port => [
      peer('node_modules/serverless/bin/serverless.js'),
      ...['offline', '--httpPort', String(port), '--lambdaPort', '0', '--noPrependStageInUrl'],
    ],
  },
]

const contestant = (server: Server, figure: (load: Load) => number): Contestant => ({
  name: server.name,
  ...(server.aim ? { aim: server.aim } : {}),
  async open(folder) {
    await mkdir(folder, { recursive: true })
    const port = await freePort()
    const child = spawn(process.execPath, [...server.start(port, folder)], { stdio: 'ignore', cwd: server.cwd })
    const ended = once(child, 'exit')
    await until(`${server.name} answers`, () => answers(port), { timeoutMs: START_TIMEOUT_MS })
    return {
      async round() {
        const args = [here('load-main.ts'), String(port), '/noop', String(CONNECTIONS), String(MEASURED_MS)]
        const { stdout } = await promisify(execFile)(process.execPath, args)
        return figure(JSON.parse(stdout) as Load)
      },
      async close() {
        child.kill()
        await ended
      },
    }
  },
})

const answers = async (port: number): Promise<boolean> => {
  try {
    return (await fetch(`http://127.0.0.1:${port}/noop`)).status === 200
  } catch {
    // Nobody listens yet.
    return false
  }
}

const bench = (name: string, unit: string, servers: readonly Server[], figure: (load: Load) => number): Bench => ({
  name,
  unit,
  async open(say) {
    await installPeers(say)
    return { contestants: servers.map(server => contestant(server, figure)), close: async () => undefined }
  },
})

/** Aims are about requests; how long they take is shown beside. */
export const http: readonly Bench[] = [
  bench('http/requests', 'requests/s', SERVERS, ({ perSecond }) => perSecond),
  bench(
    'http/p99',
    'µs',
    SERVERS.map(({ aim: _, ...server }) => server),
    ({ p99Us }) => p99Us,
  ),
]
