/** A door into the embedded queue, and a function behind it; CHAOS_… say where the port, the state and the effects are. */
import { defineConfig } from 'millrace'
import { door, jobs } from './channels.ts'

const { CHAOS_PORT = '', CHAOS_EFFECTS = '', CHAOS_STATE = '' } = process.env

export default defineConfig({
  name: 'chaos',
  stateDir: CHAOS_STATE,
  functions: { work: { file: './work.ts', env: { CHAOS_PORT, CHAOS_EFFECTS } } },
  doors: [door],
  mappings: {
    jobs: {
      source: jobs,
      function: 'work',
      maxConcurrency: 2,
      maxAttempts: 2,
      backoff: { initial: '100ms', max: '200ms' },
    },
  },
})
