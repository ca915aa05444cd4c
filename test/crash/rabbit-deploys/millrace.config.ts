/** An app that is deployed again and again; DEPLOYS_… say where the broker, the queue, the state and the effects are. */
import { defineConfig } from 'millrace'
import { jobs } from './channels.ts'

const { DEPLOYS_URL = '', DEPLOYS_QUEUE = '', DEPLOYS_DONE = '', DEPLOYS_STATE = '' } = process.env

export default defineConfig({
  name: 'deploys',
  stateDir: DEPLOYS_STATE,
  functions: { work: { file: './work.ts', env: { DEPLOYS_URL, DEPLOYS_QUEUE, DEPLOYS_DONE } } },
  mappings: {
    jobs: {
      source: jobs,
      function: 'work',
      maxAttempts: 11,
      maxConcurrency: 1,
      // Waits in memory: what is longer waits at the broker.
      backoff: { initial: '4s', max: '4s', jitter: 'none' },
    },
  },
})
