/** One topic for all rounds: every round of every contestant reads it from the beginning, in a group of its own. */
import type { Kafka } from 'kafkajs'
import { makeTopic, plainKafka } from '../../../support/brokers/kafka-client.ts'
import type { OpenField } from '../arena.ts'
import type { Place } from '../racer.ts'
import { BODY } from '../work.ts'

const PARTITIONS = 4
const SENT_AT_ONCE = 250

export const openField = async ({ url, place, records }: Place): Promise<OpenField> => {
  const kafka = plainKafka(url)
  const admin = kafka.admin()
  await admin.connect()
  await makeTopic(admin, { topic: place, numPartitions: PARTITIONS })
  await publish(kafka, place, records)
  return {
    fill: async () => undefined,
    async verify({ group }) {
      const [found] = await admin.fetchOffsets({ groupId: group, topics: [place] })
      const committed = (found?.partitions ?? []).reduce((sum, { offset }) => sum + Number(offset), 0)
      if (committed !== records) throw new Error(`${group} must have committed ${records} offsets, got ${committed}`)
    },
    close: () => admin.disconnect(),
  }
}

const publish = async (kafka: Kafka, topic: string, records: number): Promise<void> => {
  const producer = kafka.producer()
  await producer.connect()
  for (let sent = 0; sent < records; sent += SENT_AT_ONCE) {
    const partition = (sent / SENT_AT_ONCE) % PARTITIONS
    const messages = Array.from({ length: SENT_AT_ONCE }, (_, index) => ({
      key: `key-${(sent + index) % 97}`,
      value: BODY,
      partition,
    }))
    await producer.send({ topic, messages })
  }
  await producer.disconnect()
}
