/** A whole app as one member of the group; CHAOS_… say where the broker, the topic and the effects are. */
import { defineConfig } from 'millrace'
import { jobs } from './channels.ts'

const places = { CHAOS_EFFECTS: String(process.env.CHAOS_EFFECTS), CHAOS_TOPIC: String(process.env.CHAOS_TOPIC) }

export default defineConfig({
  name: 'chaos',
  stateDir: String(process.env.CHAOS_STATE),
  functions: { work: { file: './work.ts', env: { ...places, CHAOS_BROKERS: String(process.env.CHAOS_BROKERS) } } },
  mappings: {
    jobs: {
      source: jobs.read({ group: 'chaos' }),
      function: 'work',
      order: 'lane',
      maxAttempts: 2,
      backoff: { initial: '100ms', max: '200ms' },
    },
  },
})
