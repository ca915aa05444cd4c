import { embedded } from 'millrace'
import { http } from 'millrace/http'
import type { Job } from '../../jobs.ts'

export const jobs = embedded().queue<Job>('jobs')
export const door = http('api', { port: Number(process.env.CHAOS_PORT) }).post('/jobs', { into: jobs })
