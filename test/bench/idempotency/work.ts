/** What every contestant does: batches of a hundred records whose keys nobody has had, and a function that does nothing. */
import { randomUUID } from 'node:crypto'
import type { Running } from '../contestant.ts'

export const BATCH = 100

export interface Job {
  readonly id: string
  readonly data: { readonly order: string; readonly cents: number; readonly items: readonly string[] }
}

const newBatch = (run: string, batch: number): readonly Job[] =>
  Array.from({ length: BATCH }, (_, index) => ({
    id: `${run}-${batch}-${index}`,
    data: { order: `order-${index}`, cents: 100 + index, items: ['tea', 'coffee'] },
  }))

let seen = 0

export const work = (_job: Job): void => {
  seen += 1
}

/** Rounds of so many batches, one after the other; each record has to be worked on once. */
export const roundsOf = (
  batches: number,
  batch: (jobs: readonly Job[]) => Promise<unknown>,
  close: () => Promise<void>,
): Running => ({
  async round() {
    const run = randomUUID()
    const given = Array.from({ length: batches }, (_, index) => newBatch(run, index))
    const before = seen
    const startedMs = performance.now()
    for (const jobs of given) await batch(jobs)
    const tookMs = performance.now() - startedMs
    if (seen - before !== batches * BATCH) throw new Error(`${seen - before} records were worked on`)
    return (batches * BATCH * 1_000) / tookMs
  },
  close,
})
