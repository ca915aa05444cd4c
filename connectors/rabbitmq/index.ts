/** The door `millrace/rabbitmq`. */
export {
  type ExchangeOptions,
  type ExchangeReadChoice,
  type QueueOptions,
  type RabbitConnection,
  type RabbitExchange,
  rabbitmq,
} from './channel.ts'
export type { Binding, RabbitTls } from './options.ts'
