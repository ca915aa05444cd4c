import { env } from 'millrace'
import { kafka } from 'millrace/kafka'
import type { Job } from '../jobs.ts'

const broker = kafka('broker', {
  brokers: env('CHAOS_URL'),
  sessionTimeout: '6s',
  rebalanceTimeout: '15s',
  rebalanceDrain: '8s',
})

export const jobs = broker.topic<Job>(process.env.CHAOS_PLACE ?? 'jobs')
export const source = jobs.read({ group: 'chaos' })
