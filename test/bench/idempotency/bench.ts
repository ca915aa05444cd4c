/** What idempotency costs a record in a batch of a hundred, beside two pipelines by hand and beside Powertools, on one Redis. */
import { Redis } from 'ioredis'
import { redis, redisIdempotency } from '../../../connectors/redis/index.ts'
import { processBatch } from '../../../core/function/process-batch.ts'
import { sqliteIdempotency } from '../../../core/idempotency/sqlite-store.ts'
import type { IdempotencyStore } from '../../../core/idempotency-store.ts'
import { startRedis } from '../../support/brokers/redis.ts'
import { installPeers, peer } from '../brokers/peers.ts'
import type { Arena, Bench, Contestant } from '../contestant.ts'
import { BATCH, type Job, roundsOf, work } from './work.ts'

const TTL_MS = 3_600_000
/** A third of a second and more: what is compiled by how often it ran is so by then. */
const BATCHES = 300

/** Claims by SET NX, works, completes by SET: no owner, no fence, no payload, and nothing is renewed. */
const raw = (url: string): Contestant => ({
  name: 'two raw pipelines',
  async open() {
    const client = new Redis(url)
    const batch = async (jobs: readonly Job[]): Promise<void> => {
      const claims = client.pipeline()
      for (const { id } of jobs) claims.set(`raw:${id}`, 'claimed', 'PX', 30_000, 'NX')
      const claimed = (await claims.exec()) ?? []
      const mine = jobs.filter((_, index) => claimed[index]?.[1] === 'OK')
      for (const job of mine) work(job)
      const done = client.pipeline()
      for (const { id } of mine) done.set(`raw:${id}`, 'done', 'PX', TTL_MS)
      await done.exec()
    }
    return roundsOf(BATCHES, batch, async () => client.disconnect())
  },
})

const ours = (name: string, open: (folder: string) => IdempotencyStore, aim?: Contestant['aim']): Contestant => ({
  name,
  ...(aim ? { aim } : {}),
  async open(folder) {
    const store = open(folder)
    const idempotency = { store, name: 'bench', key: ({ id }: Job) => id, ttl: '1h' } as const
    const batch = (jobs: readonly Job[]) => processBatch(jobs, work, { idempotency })
    return roundsOf(BATCHES, batch, () => store.close())
  },
})

const powertools = (url: string, how: 'side by side' | 'one by one', batches: number): Contestant => ({
  name: `Powertools, ${how}`,
  async open() {
    const { openPowertools } = await import(peer('powertools-idempotency.mjs'))
    const { batch, close } = await openPowertools(url, how, work)
    return roundsOf(batches, batch, close)
  },
})

/** Confirmed from memory, as most have it for keys: what a disk takes is the same for all. */
const openServer = async () => {
  const ends: (() => Promise<void>)[] = []
  const scope = { after: (end: () => Promise<void>) => void ends.push(end) }
  const { url } = await startRedis(scope, { settings: { appendfsync: 'everysec' } })
  return {
    url,
    async close() {
      for (const end of ends.toReversed()) await end()
    },
  }
}

export const idempotency: readonly Bench[] = [
  {
    name: 'idempotency',
    unit: 'records/s',
    async open(say): Promise<Arena> {
      await installPeers(say)
      const { url, close } = await openServer()
      const contestants = [
        raw(url),
        ours('millrace, Redis', () => redisIdempotency(redis('bench', { url })), { is: 'at least', ratio: 0.8 }),
        ours('millrace, SQLite', sqliteIdempotency),
        powertools(url, 'side by side', BATCHES / 3),
        powertools(url, 'one by one', 10),
      ]
      return { contestants, close }
    },
  },
  {
    name: 'idempotency/round-trips',
    unit: 'per record',
    async open(): Promise<Arena> {
      const { url, close } = await openServer()
      return { contestants: [byHand, counted(url)], close }
    },
  },
]

/** Two pipelines for a hundred records. */
const byHand: Contestant = {
  name: 'two raw pipelines',
  open: async () => ({ round: async () => 2 / BATCH, close: async () => {} }),
}

/** As the server counts scripts: at most 0.05 for a record. */
const counted = (url: string): Contestant => ({
  name: 'millrace, Redis',
  aim: { is: 'at most', ratio: 2.5 },
  async open(folder) {
    const client = new Redis(url)
    const running = await ours('', () => redisIdempotency(redis('bench', { url }))).open(folder)
    const calls = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0)
    return {
      async round() {
        const before = await calls()
        await running.round()
        return ((await calls()) - before) / (BATCHES * BATCH)
      },
      async close() {
        await running.close()
        client.disconnect()
      },
    }
  },
})
