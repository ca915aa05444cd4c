import { join } from 'node:path'
import { defineConfig } from 'millrace'
import { clicks, REDIS_URL } from './channels.ts'

export default defineConfig({
  name: 'clickstream-example',
  stateDir: process.env.CLICKS_STATE ?? join(import.meta.dirname, '../../.millrace/clickstream'),
  functions: {
    count: { file: './functions/count.ts', env: { REDIS_URL } },
    sessions: { file: './functions/sessions.ts', env: { REDIS_URL } },
  },
  mappings: {
    count: { source: clicks.read({ group: 'count', start: 'earliest' }), function: 'count', batchSize: 50 },
    // One batch at a time: what a visitor did is read and written again.
    sessions: {
      source: clicks.read({ group: 'sessions', start: 'earliest' }),
      function: 'sessions',
      batchSize: 50,
      maxConcurrency: 1,
    },
  },
})
