import { env } from 'millrace'
import { kafka } from 'millrace/kafka'

const shop = kafka('shop', { brokers: env('DEPLOYS_BROKERS'), sessionTimeout: '6s', rebalanceTimeout: '15s' })

export const jobs = shop.topic<{ readonly job: string }>(String(process.env.DEPLOYS_TOPIC))
