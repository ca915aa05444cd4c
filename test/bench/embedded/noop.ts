import { onBatch } from 'millrace'
import { jobs } from './jobs.ts'

export const handler = onBatch(jobs, async () => undefined)
