import kafkajs, { type KafkaMessage } from 'kafkajs'
import { BATCH_SIZE, type Consume } from '../work.ts'

const handler = async (_batch: readonly unknown[]): Promise<void> => undefined

/** kafkajs alone; each commit is awaited before anything else is done. */
export const consumeBy =
  (committed: 'fetch' | 'hundred'): Consume =>
  async ({ url, place, group }, progress) => {
    const kafka = new kafkajs.Kafka({ clientId: 'bench', brokers: [url], logLevel: kafkajs.logLevel.NOTHING })
    const consumer = kafka.consumer({ groupId: group })
    const settle = async (topic: string, partition: number, done: readonly KafkaMessage[]): Promise<void> => {
      const offset = String(BigInt(done.at(-1)?.offset ?? 0) + 1n)
      await consumer.commitOffsets([{ topic, partition, offset }])
      progress(done.length)
    }
    await consumer.connect()
    await consumer.subscribe({ topic: place, fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      async eachBatch({ batch: { messages, topic, partition }, resolveOffset, heartbeat }) {
        for (let from = 0; from < messages.length; from += BATCH_SIZE) {
          const batch = messages.slice(from, from + BATCH_SIZE)
          await handler(batch)
          resolveOffset(batch.at(-1)?.offset ?? '')
          if (committed === 'hundred') await settle(topic, partition, batch)
        }
        if (committed === 'fetch' && messages.length > 0) await settle(topic, partition, messages)
        await heartbeat()
      },
    })
    return { stop: () => consumer.disconnect() }
  }
