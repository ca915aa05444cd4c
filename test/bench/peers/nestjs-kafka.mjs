/**
 * NestJS microservices on Kafka: an event handler that does nothing. It knows no batches: the handler is called for each
 * record, kafkajs (its `eachMessage`) commits on its own after each fetched batch. What is settled is counted when the
 * handler is called; the last commit is made when the consumer leaves.
 */
import 'reflect-metadata'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { EventPattern, Transport } from '@nestjs/microservices'

export const consume = async ({ url, place, group }, progress) => {
  class Handlers {
    handle() {
      progress(1)
    }
  }
  EventPattern(place)(Handlers.prototype, 'handle', Object.getOwnPropertyDescriptor(Handlers.prototype, 'handle'))
  Controller()(Handlers)
  class App {}
  Module({ controllers: [Handlers] })(App)
  const app = await NestFactory.createMicroservice(App, {
    logger: false,
    transport: Transport.KAFKA,
    options: {
      client: { clientId: 'bench', brokers: [url] },
      consumer: { groupId: group },
      postfixId: '',
      subscribe: { fromBeginning: true },
    },
  })
  await app.listen()
  return { stop: () => app.close() }
}
