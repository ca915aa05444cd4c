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

/** Resolves when the broker knows it; kafkajs's own waiting for leaders rejects where a slow broker does not yet. */
export const makeTopic = async (admin: Admin, config: ITopicConfig): Promise<void> => {
  await admin.createTopics({ topics: [config], waitForLeaders: false })
  await until('the topic is there', () =>
    admin.fetchTopicMetadata({ topics: [config.topic] }).then(
      ({ topics }) => (topics[0]?.partitions ?? []).every(({ leader }) => leader >= 0),
      () => undefined,
    ),
  )
}
