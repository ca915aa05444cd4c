/**
 * message-queue-toolkit on Kafka, which is @platformatic/kafka below it: batches of 100 to a handler that does nothing, a
 * commit after each batch. It always parses JSON and checks a schema; the one here lets everything through.
 */
import './precompile-schema.mjs'
import { errorReporter, logger, transactionObservabilityManager } from './message-queue-toolkit.mjs'

const { AbstractKafkaConsumer, KafkaBatchHandlerConfig, KafkaHandlerRoutingBuilder } = await import(
  '@message-queue-toolkit/kafka'
)
const { z } = await import('zod')

class BenchConsumer extends AbstractKafkaConsumer {}

export const consume = async ({ url, place, group }, progress) => {
  const consumer = new BenchConsumer(
    { logger, errorReporter, transactionObservabilityManager },
    {
      kafka: { bootstrapBrokers: [url], clientId: 'bench' },
      groupId: group,
      mode: 'committed',
      fallbackMode: 'earliest',
      batchProcessingEnabled: true,
      batchProcessingOptions: { batchSize: 100, timeoutMilliseconds: 10 },
      handlers: new KafkaHandlerRoutingBuilder()
        .addConfig(place, new KafkaBatchHandlerConfig(z.object({}), async () => undefined))
        .build(),
    },
    {},
  )
  const commit = consumer.commit.bind(consumer)
  consumer.commit = async batch => {
    await commit(batch)
    progress(batch.length)
  }
  await consumer.init()
  return { stop: () => consumer.close() }
}
