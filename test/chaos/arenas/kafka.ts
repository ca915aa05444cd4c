import kafkajs from 'kafkajs'
import { startKafka } from '../../support/brokers/kafka.ts'
import { freePort } from '../../support/brokers/ports.ts'
import { openProxy } from '../../support/proxy.ts'
import type { OpenArena } from '../arena.ts'

const TOPIC = 'jobs'
const GROUP = 'chaos'
const PARTITIONS = 6

/** Kafka tells every client where it is: the plain client goes through the proxy as well, and is used between faults. */
export const openKafka: OpenArena = async (scope, random) => {
  const port = await freePort()
  const proxy = await openProxy(scope, { to: port, random })
  const broker = await startKafka(scope, { port, advertisedPort: proxy.port })
  const client = new kafkajs.Kafka({
    clientId: 'chaos',
    brokers: [broker.url],
    logLevel: kafkajs.logLevel.NOTHING,
    requestTimeout: 5_000,
  })
  const admin = client.admin()
  const producer = client.producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    idempotent: true,
  })
  await Promise.all([admin.connect(), producer.connect()])
  scope.after(async () => void (await Promise.all([admin.disconnect(), producer.disconnect()])))
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: PARTITIONS }], waitForLeaders: true })
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
