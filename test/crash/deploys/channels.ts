import { env } from 'millrace'
import { kafka } from 'millrace/kafka'

/** A drain outlasts whatever a test holds up. */
const shop = kafka('shop', {
  brokers: env('DEPLOYS_BROKERS'),
  sessionTimeout: '6s',
  rebalanceTimeout: '60s',
  rebalanceDrain: '40s',
})

export const jobs = shop.topic<{ readonly job: string }>(String(process.env.DEPLOYS_TOPIC))
