import { join } from 'node:path'
import { defineConfig } from 'millrace'
import { DATABASE_URL, events } from './channels.ts'

export default defineConfig({
  name: 'outbox-example',
  stateDir: process.env.OUTBOX_STATE ?? join(import.meta.dirname, '../../.millrace/outbox'),
  functions: { notify: { file: './functions/notify.ts', env: { DATABASE_URL } } },
  defaults: { backoff: { initial: '100ms' } },
  mappings: { notify: { source: events, function: 'notify' } },
})
