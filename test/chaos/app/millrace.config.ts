/** A whole app as one member; CHAOS_… say where the broker, its jobs, the state and the effects are. */
import { defineConfig } from 'millrace'
import { MAX_IN_FLIGHT } from '../run.ts'
import { source } from './chosen.ts'

const { CHAOS_SOURCE = '', CHAOS_URL = '', CHAOS_PLACE = 'jobs', CHAOS_EFFECTS = '', CHAOS_STATE = '' } = process.env

export default defineConfig({
  name: 'chaos',
  stateDir: CHAOS_STATE,
  functions: { work: { file: './work.ts', env: { CHAOS_SOURCE, CHAOS_URL, CHAOS_PLACE, CHAOS_EFFECTS } } },
  mappings: {
    jobs: {
      source,
      function: 'work',
      batchSize: 100,
      maxConcurrency: 4,
      maxInFlight: MAX_IN_FLIGHT,
      maxAttempts: 2,
      backoff: { initial: '100ms', max: '200ms' },
    },
  },
})
