/** A topic on the real broker for one test: our sources on it, and an independent client beside them. */
import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import kafkajs, { type Admin, type Message, type Producer, type Transaction } from 'kafkajs'
import type { KafkaOptions } from '../../../connectors/kafka/client.ts'
import { kafkaConnector } from '../../../connectors/kafka/connector.ts'
import { systemClock } from '../../../core/clock.ts'
import type { ChannelRef, Connection, Context, ReadOptions, Source } from '../../../core/contract.ts'
import { type Log, silentLog } from '../../../core/log.ts'
import type { SourceHarness } from '../../../core/testing/contract/harness.ts'
import { makeTopic, plainKafka } from '../../support/brokers/kafka-client.ts'

export interface OpenedTopic {
  readonly topic: string
  readonly brokers: string
  readonly admin: Admin
  readonly producer: Producer
  /** A connection of its own, as another process would have, closed with the test. */
  connect(options?: Partial<KafkaOptions>, log?: Log): Promise<Connection>
  open(read?: Partial<ReadOptions>, options?: Partial<KafkaOptions>, ofTopic?: ChannelRef['options']): Promise<Source>
  publish(messages: readonly Message[]): Promise<void>
  transaction(): Promise<Transaction>
  /** The offset that the broker has for the group; -1 for none. */
  committed(group?: string, partition?: number): Promise<number>
}

export const GROUP = 'contract'

export const contextWith = (log: Log): Context => ({
  clock: systemClock,
  log,
  random: Math.random,
  stateDir: '/nowhere',
})

/** Sessions are short, so that a member that is gone is noticed within a test's patience. */
const QUICK = { sessionTimeout: '6s', rebalanceTimeout: '10s', rebalanceDrain: '5s' } as const

export const openTopic = async (
  context: TestContext,
  brokers: string,
  { partitions = 1 }: { readonly partitions?: number } = {},
): Promise<OpenedTopic> => {
  const client = plainKafka(brokers)
  const admin = client.admin()
  // What one partition of a new topic refuses, kafkajs sends again to all of them: without numbers they would have it twice.
  const producer = client.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  })
  const topic = `t-${randomUUID()}`
  const connections: Connection[] = []
  let transactional: Producer | undefined
  context.after(async () => {
    for (const connection of connections) await connection.close()
    await Promise.all([admin.disconnect(), producer.disconnect(), transactional?.disconnect()])
  })
  await Promise.all([admin.connect(), producer.connect()])
  await makeTopic(admin, { topic, numPartitions: partitions })
  const connect = async (options: Partial<KafkaOptions> = {}, log = silentLog): Promise<Connection> => {
    const connection = await kafkaConnector.connect('shop', { brokers, ...QUICK, ...options }, contextWith(log))
    connections.push(connection)
    return connection
  }
  return {
    topic,
    brokers,
    admin,
    producer,
    connect,
    async open(read = {}, options = {}, ofTopic = {}) {
      const connection = await connect(options)
      return connection.openSource({ ...channelOf(topic), options: ofTopic }, { ...READ, ...read })
    },
    publish: async messages => void (await producer.send({ topic, acks: -1, messages: [...messages] })),
    async transaction() {
      if (!transactional) {
        transactional = client.producer({
          transactionalId: topic,
          idempotent: true,
          maxInFlightRequests: 1,
          createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
        })
        await transactional.connect()
      }
      return transactional.transaction()
    },
    async committed(group = GROUP, partition = 0) {
      const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
      return Number(found?.partitions.find(each => each.partition === partition)?.offset ?? -1)
    },
  }
}

const READ: ReadOptions = { group: GROUP, start: 'earliest', maxInFlight: 1_000 }

export const channelOf = (topic: string) => ({ type: 'topic', name: topic, address: `shop/${topic}`, options: {} })

export const openHarness = async (context: TestContext, brokers: string): Promise<SourceHarness> => {
  const opened = await openTopic(context, brokers)
  const { topic, admin } = opened
  return {
    open: opened.open,
    publish: bodies => opened.publish(bodies.map(value => ({ value, key: 'one lane' }))),
    async send(records) {
      const sink = await (await opened.connect()).openSink(channelOf(topic))
      const failed = (await sink.send(records)).find(outcome => outcome !== null)
      if (failed) throw failed
    },
    async backlog() {
      const [found] = await admin.fetchOffsets({ groupId: GROUP, topics: [topic] })
      const [end] = await admin.fetchTopicOffsets(topic)
      return Number(end?.high ?? 0) - Math.max(0, Number(found?.partitions[0]?.offset ?? 0))
    },
    crash: async () => {},
  }
}
