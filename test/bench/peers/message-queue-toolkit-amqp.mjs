/**
 * message-queue-toolkit on RabbitMQ: a handler that does nothing. It knows no batches here: each record is acknowledged by
 * itself. It always parses JSON and checks a schema; the one here lets everything through. It sets no prefetch, so the
 * broker sends as fast as it can.
 */
import { AbstractAmqpQueueConsumer, AmqpConnectionManager } from '@message-queue-toolkit/amqp'
import { MessageHandlerConfigBuilder } from '@message-queue-toolkit/core'
import { z } from 'zod'
import { errorReporter, logger, transactionObservabilityManager } from './message-queue-toolkit.mjs'

class BenchConsumer extends AbstractAmqpQueueConsumer {}

export const consume = async ({ url, place }, progress) => {
  const { hostname, port, username, password } = new URL(url)
  const amqpConnectionManager = new AmqpConnectionManager(
    { hostname, port: Number(port), username, password, vhost: '', useTls: false },
    logger,
  )
  await amqpConnectionManager.init()
  const schema = z.object({ type: z.literal('job') })
  const consumer = new BenchConsumer(
    {
      amqpConnectionManager,
      logger,
      errorReporter,
      transactionObservabilityManager,
      consumerErrorResolver: { processError: error => error },
    },
    {
      creationConfig: { queueName: place, queueOptions: { durable: true } },
      messageTypeResolver: { messageTypePath: 'type' },
      handlers: new MessageHandlerConfigBuilder()
        .addConfig(schema, async () => {
          progress(1)
          return { result: 'success' }
        })
        .build(),
    },
    {},
  )
  await consumer.start()
  return {
    async stop() {
      // The handler was told of the last record before the consumer acknowledges it, and that would throw when closed.
      await new Promise(setImmediate)
      await consumer.close()
      await amqpConnectionManager.close()
    },
  }
}
