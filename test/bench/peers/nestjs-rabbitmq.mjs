/**
 * NestJS microservices on RabbitMQ: an event handler that does nothing and acknowledges. It knows no batches: the handler
 * is called for each record, and each is acknowledged by itself.
 */
import 'reflect-metadata'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Ctx, EventPattern, Payload, Transport } from '@nestjs/microservices'

export const consume = async ({ url, place }, progress) => {
  class Handlers {
    handle(_data, context) {
      context.getChannelRef().ack(context.getMessage())
      progress(1)
    }
  }
  EventPattern('job')(Handlers.prototype, 'handle', Object.getOwnPropertyDescriptor(Handlers.prototype, 'handle'))
  Payload()(Handlers.prototype, 'handle', 0)
  Ctx()(Handlers.prototype, 'handle', 1)
  Controller()(Handlers)
  class App {}
  Module({ controllers: [Handlers] })(App)
  const app = await NestFactory.createMicroservice(App, {
    logger: false,
    transport: Transport.RMQ,
    options: { urls: [url], queue: place, queueOptions: { durable: true }, noAck: false, prefetchCount: 2_000 },
  })
  await app.listen()
  return { stop: () => app.close() }
}
