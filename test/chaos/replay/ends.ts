/** Where the letters are sent back to, made and counted by plain clients. */
import { connect } from 'amqplib'
import type { Broker } from '../../support/brokers/broker.ts'
import { makeTopic, plainKafka } from '../../support/brokers/kafka-client.ts'
import { until } from '../../support/until.ts'
import type { Kind } from './config.ts'

/** Bodies and how often each is there. */
export type Counted = ReadonlyMap<string, number>

export interface End {
  /** Before anything is sent. */
  make(): Promise<void>
  /** Everything that is there; `atLeast` are known to be. */
  count(atLeast: number): Promise<Counted>
}

const PARTITIONS = 4

export const endOf = (kind: Kind, broker: Broker): End => (kind === 'kafka' ? kafkaEnd(broker) : rabbitEnd(broker))

const kafkaEnd = (broker: Broker): End => ({
  async make() {
    const admin = plainKafka(broker.url).admin()
    await admin.connect()
    await makeTopic(admin, { topic: 'orders', numPartitions: PARTITIONS })
    await admin.disconnect()
  },
  async count() {
    const client = plainKafka(broker.url)
    const admin = client.admin()
    await admin.connect()
    const ends = await admin.fetchTopicOffsets('orders')
    await admin.disconnect()
    const all = ends.reduce((sum, { high }) => sum + Number(high), 0)
    const consumer = client.consumer({ groupId: 'count' })
    const found = new Map<string, number>()
    let read = 0
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => {
        read += 1
        note(found, String(message.value))
      },
    })
    await until('all records are read', () => read >= all, { timeoutMs: 120_000 })
    await consumer.disconnect()
    return found
  },
})

const rabbitEnd = (broker: Broker): End => ({
  // The sink declares the queue itself.
  async make() {},
  async count(atLeast) {
    const client = await connect(broker.url)
    const channel = await client.createChannel()
    await channel.prefetch(1_000)
    const found = new Map<string, number>()
    let [read, readBefore] = [0, -1]
    await channel.consume('orders', message => {
      if (!message) return
      read += 1
      note(found, message.content.toString())
      channel.ack(message)
    })
    await until(
      'all messages are read',
      async () => {
        const { messageCount } = await channel.checkQueue('orders')
        const quiet = read === readBefore && messageCount === 0 && read >= atLeast
        readBefore = read
        return quiet
      },
      { timeoutMs: 120_000 },
    )
    await client.close()
    return found
  },
})

const note = (found: Map<string, number>, body: string): void => void found.set(body, (found.get(body) ?? 0) + 1)
