import kafkajs, { type Kafka, type KafkaConfig } from 'kafkajs'
import { mendTimers } from '../../../connectors/kafka/quiet.ts'

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
