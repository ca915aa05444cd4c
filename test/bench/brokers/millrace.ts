/** Millrace as a contestant: a whole app with one mapping, all as it comes but the batch size and the isolation. */
import { createApp, defineConfig } from 'millrace'
import { sleep, systemClock } from '../../../core/clock.ts'
import type { Channel, Reading } from '../../../core/config/channel.ts'
import { BATCH_SIZE, type Consuming, type Progress, URL_VARIABLE, type Work } from './work.ts'

export interface Run {
  readonly source: Channel | Reading
  /** The file of a function that does nothing. */
  readonly file: string
  readonly isolation: 'inline' | 'process'
}

/** How often the counters are looked at: seldom enough to cost nothing, often beside a round of a second. */
const LOOK_MS = 2

export const consumeWith = async (
  { source, file, isolation }: Run,
  work: Work,
  progress: Progress,
): Promise<Consuming> => {
  process.env[URL_VARIABLE] = work.url
  const app = createApp(
    defineConfig({
      name: 'bench',
      stateDir: work.folder,
      functions: { noop: { file, isolation } },
      mappings: { bench: { source, function: 'noop', batchSize: BATCH_SIZE } },
    }),
  )
  await app.start()
  const looked = look(work.records, () => app.status().mappings[0]?.counts.accepted ?? 0, progress)
  return {
    async stop() {
      await looked
      await app.stop()
    },
  }
}

/** A record is counted as accepted once the source has confirmed it. */
const look = async (records: number, accepted: () => number, progress: Progress): Promise<void> => {
  for (let settled = 0; settled < records; ) {
    await sleep(systemClock, LOOK_MS)
    const before = settled
    settled = accepted()
    if (settled > before) progress(settled - before)
  }
}
