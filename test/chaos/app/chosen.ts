/** The channel of the broker that CHAOS_SOURCE names; the others' doors stay closed. */
import type { Channel, Reading } from 'millrace'
import type { Job } from '../jobs.ts'

interface Chosen {
  readonly jobs: Channel<Job>
  readonly source: Channel<Job> | Reading<Job>
}

export const { jobs, source }: Chosen = await import(`./${process.env.CHAOS_SOURCE}.ts`)
