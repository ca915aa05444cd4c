/** The channel of the broker that CHAOS_SOURCE names; the others' doors stay closed. */
import type { Channel, Reading } from 'millrace'
import type { Job } from '../jobs.ts'

interface Chosen {
  readonly jobs: Channel<Job>
  /** Left out where the channel itself is read: it has no groups. */
  readonly source?: Reading<Job>
}

const chosen: Chosen = await import(`./${process.env.CHAOS_SOURCE}.ts`)

export const { jobs } = chosen
export const source: Channel<Job> | Reading<Job> = chosen.source ?? jobs
