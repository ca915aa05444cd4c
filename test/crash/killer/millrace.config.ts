import { join } from 'node:path'
import { defineConfig } from 'millrace'
import { jobs, log } from './channels.ts'

const stateDir = String(process.env.KILLER_STATE)

export default defineConfig({
  name: 'killer',
  stateDir,
  defaults: { maxAttempts: 3, backoff: { initial: '2s', max: '2s' } },
  functions: { work: { file: './work.ts', env: { DONE: join(stateDir, 'done') } } },
  mappings: {
    jobs: { source: jobs, function: 'work', batchSize: 10 },
    log: { source: log, function: 'work', batchSize: 10, order: 'lane' },
  },
})
