import { createApp, defineConfig } from 'millrace'
import type { Contestant } from '../contestant.ts'
import { jobs } from './jobs.ts'
import { BATCH_SIZE, BODY, perSecond, RECORDS_A_ROUND } from './work.ts'

const SEND_AT_ONCE = 1_000

/** An embedded queue, a mapping, and the function in an environment of this isolation. */
export const millrace = (isolation: 'inline' | 'process'): Contestant => ({
  name: `millrace ${isolation}`,
  async open(folder) {
    const app = createApp(
      defineConfig({
        name: 'bench',
        stateDir: folder,
        functions: { noop: { file: `${import.meta.dirname}/noop.ts`, isolation } },
        mappings: { jobs: { source: jobs, function: 'noop', batchSize: BATCH_SIZE } },
      }),
    )
    await app.start()
    const accepted = (): number => app.status().mappings[0]?.counts.accepted ?? 0
    return {
      async round() {
        await app.pause('jobs')
        for (let sent = 0; sent < RECORDS_A_ROUND; sent += SEND_AT_ONCE) {
          await app.send(
            jobs,
            Array.from({ length: SEND_AT_ONCE }, () => ({ data: BODY })),
          )
        }
        const until = accepted() + RECORDS_A_ROUND
        return perSecond(RECORDS_A_ROUND, async () => {
          await app.resume('jobs')
          while (accepted() < until) await new Promise(resolve => setImmediate(resolve))
        })
      },
      close: () => app.stop(),
    }
  },
})
