import { env } from 'millrace'
import { kafka } from 'millrace/kafka'
import { z } from 'zod'

const shop = kafka('shop', { brokers: env('KAFKA_BROKERS', 'localhost:9092') })

export const Order = z.object({
  id: z.string(),
  customer: z.string(),
  cents: z.number().int().positive(),
  card: z.enum(['good', 'refused']),
})

/** Kafka's key is the customer: all orders of one are in one partition, in the order in which they were sent. */
export const orders = shop.topic('billing.orders', { schema: Order, compression: 'zstd' })

/** Orders that could not be billed, as they were, for whoever looks after them. */
export const ordersDead = shop.topic('billing.orders.dead', { schema: Order })
