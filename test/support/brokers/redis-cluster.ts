import { Redis } from 'ioredis'
import { until } from '../until.ts'
import type { Broker, Scope } from './broker.ts'
import { freePort } from './ports.ts'
import { startRedis } from './redis.ts'

const SLOTS = 16_384

/** Nodes of a Redis Cluster, masters all, each with its share of the slots; resolves when all of them know all. */
export const startRedisCluster = async (scope: Scope, count: number): Promise<readonly Broker[]> => {
  const nodes: Broker[] = []
  for (let node = 0; node < count; node += 1) {
    const settings = {
      'cluster-enabled': 'yes',
      'cluster-announce-ip': '127.0.0.1',
      // Its default is beyond where ports are free for us.
      'cluster-port': await freePort(),
      'cluster-node-timeout': 2_000,
    }
    nodes.push(await startRedis(scope, { settings }))
  }
  const clients = nodes.map(({ url }) => new Redis(url))
  for (const [index, client] of clients.entries()) {
    const [from, next] = [index, index + 1].map(at => Math.floor((at * SLOTS) / count)) as [number, number]
    await client.call('CLUSTER', 'ADDSLOTSRANGE', String(from), String(next - 1))
  }
  const [first, ...others] = clients as [Redis, ...Redis[]]
  for (const other of others) {
    const { hostname, port } = new URL(nodes[clients.indexOf(other)]?.url ?? '')
    const bus = ((await other.config('GET', 'cluster-port')) as string[])[1] ?? ''
    await first.call('CLUSTER', 'MEET', hostname, port, bus)
  }
  await until('every node knows all slots', async () => {
    const answers = await Promise.all(clients.map(client => client.call('CLUSTER', 'INFO')))
    return answers.every(
      info => /cluster_state:ok/.test(String(info)) && new RegExp(`size:${count}`).test(String(info)),
    )
  })
  for (const client of clients) client.disconnect()
  return nodes
}
