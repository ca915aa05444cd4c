import kafkajs, { type Admin, type ITopicConfig, type Kafka, type KafkaConfig } from 'kafkajs'
import { mendTimers } from '../../../connectors/kafka/quiet.ts'
import { until } from '../until.ts'

/** A client beside ours, silent; `broker` is `host:port`. */
export const plainKafka = (broker: string, options: Partial<KafkaConfig> = {}): Kafka => {
  mendTimers()
  return new kafkajs.Kafka({
    clientId: 'independent',
    brokers: [broker],
    logLevel: kafkajs.logLevel.NOTHING,
    ...options,
  })
}

/**
 * Resolves when every partition answers for itself: metadata may name a leader that does not know of it yet, and kafkajs's
 * own waiting for leaders rejects where a slow broker has none.
 */
export const makeTopic = async (admin: Admin, config: ITopicConfig): Promise<void> => {
  const { topic, numPartitions = 1 } = config
  await admin.createTopics({ topics: [config], waitForLeaders: false })
  await until('the topic is there', () =>
    admin.fetchTopicOffsets(topic).then(
      offsets => offsets.length === numPartitions,
      () => undefined,
    ),
  )
}
