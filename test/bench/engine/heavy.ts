/** A function with the packages that such functions have: their import is most of its cold start. */
import Redis from 'ioredis'
import { Kafka } from 'kafkajs'
import * as z from 'zod'

const order = z.object({ id: z.string() })

export const handler = (): boolean =>
  typeof Redis === 'function' && typeof Kafka === 'function' && order.safeParse({ id: '1' }).success
