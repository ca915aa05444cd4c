import { env } from 'millrace'
import { redis } from 'millrace/redis'
import type { Job } from '../jobs.ts'

const broker = redis('broker', { url: env('CHAOS_URL') })

export const jobs = broker.stream<Job>('jobs', { field: 'body', claimTimeout: '6s' })
export const source = jobs.read({ group: 'chaos' })
