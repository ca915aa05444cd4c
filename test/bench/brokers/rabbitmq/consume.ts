import { type ConsumeMessage, connect } from 'amqplib'
import { BATCH_SIZE, type Consume } from '../work.ts'

const handler = async (_batch: readonly unknown[]): Promise<void> => undefined

/** As many hundreds as Millrace claims at most by default, so that the broker always has something to send. */
const PREFETCH = 20 * BATCH_SIZE

/** amqplib alone. An acknowledgement has no answer: what is settled is counted when it was written. */
export const consumeBy =
  (acknowledged: 'hundred' | 'each'): Consume =>
  async ({ url, place }, progress) => {
    const connection = await connect(url)
    const channel = await connection.createChannel()
    await channel.prefetch(PREFETCH)
    let batch: ConsumeMessage[] = []
    const finish = async (full: readonly ConsumeMessage[]): Promise<void> => {
      await handler(full)
      const last = full.at(-1)
      if (acknowledged === 'hundred' && last) channel.ack(last, true)
      else for (const message of full) channel.ack(message)
      progress(full.length)
    }
    await channel.consume(place, message => {
      if (!message) return
      batch.push(message)
      if (batch.length < BATCH_SIZE) return
      const full = batch
      batch = []
      void finish(full)
    })
    return {
      async stop() {
        await channel.close()
        await connection.close()
      },
    }
  }
