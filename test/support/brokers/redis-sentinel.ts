import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { until } from '../until.ts'
import type { Broker, Scope } from './broker.ts'
import { versionHere } from './found.ts'
import { freePort } from './ports.ts'
import { startRedis } from './redis.ts'
import { runBroker } from './run.ts'

export interface WatchedRedis {
  readonly master: Broker
  readonly replica: Broker
  /** `host:port` of the one Sentinel that watches both. */
  readonly sentinel: string
  readonly masterName: string
}

const MASTER_NAME = 'shop-master'

/** A master, its replica, and a Sentinel that makes the replica master half a second after the master is gone. */
export const startWatchedRedis = async (scope: Scope): Promise<WatchedRedis> => {
  const [master, replica] = [await startRedis(scope), await startRedis(scope)]
  const clients = [new Redis(master.url), new Redis(replica.url)] as const
  await clients[1].replicaof('127.0.0.1', Number(new URL(master.url).port))
  await until('the replica follows', async () => /state=online/.test(await clients[0].info('replication')))
  for (const client of clients) client.disconnect()
  const sentinel = await startSentinel(scope, Number(new URL(master.url).port))
  return { master, replica, sentinel: new URL(sentinel.url).host, masterName: MASTER_NAME }
}

const startSentinel = async (scope: Scope, masterPort: number): Promise<Broker> => {
  const sentinel = await runBroker(scope, async folder => {
    const port = await freePort()
    const file = join(folder, 'sentinel.conf')
    // Sentinel writes to this file what it learns.
    await writeFile(
      file,
      [
        'bind 127.0.0.1',
        `port ${port}`,
        `dir ${folder}`,
        `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} 1`,
        `sentinel down-after-milliseconds ${MASTER_NAME} 500`,
        `sentinel failover-timeout ${MASTER_NAME} 3000`,
        '',
      ].join('\n'),
    )
    return {
      kind: 'redis',
      version: versionHere('redis'),
      url: `redis://127.0.0.1:${port}`,
      programs: [{ name: 'sentinel', command: 'redis-server', args: [file, '--sentinel'], ready: /\+monitor master/ }],
    }
  })
  const client = new Redis(sentinel.url)
  await until('Sentinel knows the replica', async () => /slaves=1/.test(await client.info('sentinel')))
  client.disconnect()
  return sentinel
}
