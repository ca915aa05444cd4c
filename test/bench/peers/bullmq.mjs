/**
 * BullMQ: a worker whose processor does nothing. It knows no batches: each job by itself, up to 100 at once. It keeps jobs
 * in structures of its own, so it fills its own queue, and counts a job once Redis has moved it to the completed ones.
 */
import { Queue, Worker } from 'bullmq'
import { BODY } from '../brokers/work.ts'

const SENT_AT_ONCE = 1_000

export const consume = async ({ url, group, records }, progress) => {
  const { hostname, port } = new URL(url)
  const connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null }
  const queue = new Queue(group, { connection })
  const data = JSON.parse(BODY.toString())
  for (let sent = 0; sent < records; sent += SENT_AT_ONCE)
    await queue.addBulk(
      Array.from({ length: SENT_AT_ONCE }, () => ({ name: 'job', data, opts: { removeOnComplete: true } })),
    )
  const worker = new Worker(group, async () => undefined, { connection, concurrency: 100 })
  worker.on('completed', () => progress(1))
  return {
    async stop() {
      await worker.close()
      const left = await queue.getJobCountByTypes('wait', 'active', 'delayed', 'failed', 'completed')
      if (left > 0) throw new Error(`BullMQ must have done all jobs, ${left} are left`)
      await queue.obliterate()
      await queue.close()
    },
  }
}
