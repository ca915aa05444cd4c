import { env } from 'millrace'
import { rabbitmq } from 'millrace/rabbitmq'
import type { Job } from '../jobs.ts'

const broker = rabbitmq('broker', { url: env('CHAOS_URL'), heartbeat: '3s' })

export const jobs = broker.queue<Job>('jobs')
