import kafkajs from 'kafkajs'
import { startKafkaBehindProxy } from '../../support/brokers/kafka-behind-proxy.ts'
import { makeTopic, plainKafka } from '../../support/brokers/kafka-client.ts'
import type { OpenArena } from '../arena.ts'

const TOPIC = 'jobs'
const GROUP = 'chaos'
const PARTITIONS = 6

/** Members are told to go through the proxy, and the plain client has a listener of its own: what it does is not at risk. */
export const openKafka: OpenArena = async (scope, random) => {
  const { broker, proxy, direct } = await startKafkaBehindProxy(scope, random)
  const client = plainKafka(direct, { retry: { retries: 20 } })
  const admin = client.admin()
  const producer = client.producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    idempotent: true,
  })
  await Promise.all([admin.connect(), producer.connect()])
  scope.after(async () => void (await Promise.all([admin.disconnect(), producer.disconnect()])))
  await makeTopic(admin, { topic: TOPIC, numPartitions: PARTITIONS })
  return {
    broker,
    proxy,
    env: { CHAOS_URL: broker.url },
    publish: async jobs =>
      void (await producer.send({
        topic: TOPIC,
        acks: -1,
        messages: jobs.map(({ key, body }) => ({ key, value: body })),
      })),
    async backlog() {
      const [found] = await admin.fetchOffsets({ groupId: GROUP, topics: [TOPIC] })
      const ends = await admin.fetchTopicOffsets(TOPIC)
      return ends.reduce((sum, { partition, high }) => {
        const offset = Number(found?.partitions.find(each => each.partition === partition)?.offset ?? -1)
        return sum + Number(high) - Math.max(0, offset)
      }, 0)
    },
  }
}
