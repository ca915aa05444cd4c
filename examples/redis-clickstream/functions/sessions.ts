/**
 * Finds sessions: a visitor's clicks with less than half an hour between them. Clicks come in any order, some twice; a set
 * sorted by their times does not mind.
 */
import { Redis } from 'ioredis'
import { onBatch } from 'millrace'
import { clicks } from '../channels.ts'

const PAUSE_MS = 30 * 60_000

const redis = new Redis(process.env.REDIS_URL ?? '')

export const handler = onBatch(clicks, async batch => {
  for (const { id, data } of batch) await redis.zadd(`visitor:${data.visitor}`, data.at, id)
  for (const visitor of new Set(batch.map(({ data }) => data.visitor))) {
    const found = await redis.zrange(`visitor:${visitor}`, 0, '-1', 'WITHSCORES')
    const times = found.filter((_, index) => index % 2 === 1).map(Number)
    const sessions = times.filter((time, index) => index === 0 || time - (times[index - 1] ?? 0) >= PAUSE_MS).length
    await redis.hset('sessions', visitor, sessions)
  }
})

export const shutdown = (): void => redis.disconnect()
