import kafkajs from 'kafkajs'
import { startKafka } from '../../support/brokers/kafka.ts'
import { freePort } from '../../support/brokers/ports.ts'
import { openProxy } from '../../support/proxy.ts'
import type { OpenArena } from '../arena.ts'

const TOPIC = 'jobs'
const GROUP = 'chaos'
const PARTITIONS = 6

/** Members are told to go through the proxy, and the plain client has a listener of its own: what it does is not at risk. */
export const openKafka: OpenArena = async (scope, random) => {
  const [port, directPort, controllerPort] = [await freePort(), await freePort(), await freePort()]
  const proxy = await openProxy(scope, { to: port, random })
  const broker = await startKafka(scope, {
    port,
    advertisedPort: proxy.port,
    settings: {
      listeners: `CLIENTS://127.0.0.1:${port},DIRECT://127.0.0.1:${directPort},CONTROLLER://127.0.0.1:${controllerPort}`,
      'advertised.listeners': `CLIENTS://127.0.0.1:${proxy.port},DIRECT://127.0.0.1:${directPort}`,
      'listener.security.protocol.map': 'CLIENTS:PLAINTEXT,DIRECT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
      'inter.broker.listener.name': 'DIRECT',
    },
  })
  const client = new kafkajs.Kafka({
    clientId: 'chaos',
    brokers: [`127.0.0.1:${directPort}`],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 20 },
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
