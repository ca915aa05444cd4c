/** An app that is deployed again and again; DEPLOYS_… say where the broker, the topic, the state and the effects are. */
import { defineConfig } from 'millrace'
import { jobs } from './channels.ts'

const { DEPLOYS_BROKERS = '', DEPLOYS_TOPIC = '', DEPLOYS_DONE = '', DEPLOYS_GO = '', DEPLOYS_STATE = '' } = process.env

const backoff = process.env.DEPLOYS_BACKOFF === '2s' ? '2s' : '10m'

export default defineConfig({
  name: 'deploys',
  stateDir: DEPLOYS_STATE,
  functions: { work: { file: './work.ts', env: { DEPLOYS_BROKERS, DEPLOYS_TOPIC, DEPLOYS_DONE, DEPLOYS_GO } } },
  mappings: {
    jobs: {
      source: jobs,
      function: 'work',
      order: process.env.DEPLOYS_ORDER === 'key' ? 'key' : 'lane',
      maxAttempts: 11,
      maxInFlight: 200,
      batchSize: 20,
      backoff: { initial: backoff, max: backoff, jitter: 'none' },
    },
  },
})
