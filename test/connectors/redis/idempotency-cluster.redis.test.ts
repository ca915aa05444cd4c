/** That scripts find their keys and lots in a Cluster, where a script may touch those of one slot only. */
import { after, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Cluster } from 'ioredis'
import { redis } from '../../../connectors/redis/channel.ts'
import { redisIdempotency } from '../../../connectors/redis/idempotency.ts'
import { redisKey } from '../../../connectors/redis/idempotency-values.ts'
import { idempotencyContract } from '../../../core/testing/idempotency/idempotency-contract.ts'
import { startRedisCluster } from '../../support/brokers/redis-cluster.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'

const { missingOwn: skip } = sharedBroker('redis')

const ends: (() => Promise<void>)[] = []
let started: ReturnType<typeof startRedisCluster> | undefined
after(async () => {
  for (const end of ends.toReversed()) await end()
})

if (skip) test('idempotency keys in a Cluster', { skip }, () => {})
else
  idempotencyContract('redis, a Cluster of three', async context => {
    started ??= startRedisCluster({ after: end => void ends.push(end) }, 3)
    const nodes = (await started).map(({ url }) => new URL(url).host)
    const raw = new Cluster(nodes.map(node => ({ host: '127.0.0.1', port: Number(node.split(':')[1]) })))
    context.after(() => raw.disconnect())
    await raw.ping()
    await Promise.all(raw.nodes('master').map(node => node.flushall()))
    const open = () => {
      const store = redisIdempotency(redis('cache', { nodes }))
      context.after(() => store.close())
      return store
    }
    return {
      store: open(),
      elsewhere: open(),
      pass: pause,
      spoil: async key => void (await raw.set(redisKey(key), '{"state":')),
    }
  })
