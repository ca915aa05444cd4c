import { env } from 'millrace'
import { kafka } from 'millrace/kafka'

const shop = kafka('shop', {
  brokers: env('CHAOS_BROKERS'),
  sessionTimeout: '6s',
  rebalanceTimeout: '15s',
  rebalanceDrain: '8s',
})

export interface Job {
  readonly n: number
  readonly fails?: boolean
  /** How long it takes, in milliseconds. */
  readonly takesMs?: number
}

export const jobs = shop.topic<Job>(String(process.env.CHAOS_TOPIC))
