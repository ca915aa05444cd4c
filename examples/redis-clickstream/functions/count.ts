/** Counts clicks by page. A click that comes twice is counted once: a page has a set of the ids of its clicks. */
import { Redis } from 'ioredis'
import { onBatch } from 'millrace'
import { clicks } from '../channels.ts'

const redis = new Redis(process.env.REDIS_URL ?? '')

export const handler = onBatch(clicks, async batch => {
  const pipeline = redis.pipeline()
  for (const { id, data } of batch) pipeline.sadd(`count:${data.page}`, id)
  for (const { data } of batch) pipeline.sadd('count:pages', data.page)
  const answers = (await pipeline.exec()) ?? []
  const failure = answers.find(([error]) => error)?.[0]
  // The whole batch comes again; what was counted already is counted once.
  if (failure) throw failure
})

export const shutdown = (): void => redis.disconnect()
