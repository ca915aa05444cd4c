import { defineConfig } from 'millrace'
import { orders, receipts } from './channels.ts'

export default defineConfig({
  name: 'orders-example',
  // In the folder from which `npm start` and `npx millrace dlq list` are run.
  stateDir: '../../.millrace',
  functions: {
    charge: { file: './functions/charge.ts', timeout: '10s', memory: 256 },
    email: './functions/email.ts',
  },
  mappings: {
    charge: {
      source: orders,
      function: 'charge',
      batchSize: 20,
      batchWindow: '500ms',
      maxAttempts: 4,
      backoff: { initial: '500ms', max: '5s' },
    },
    email: { source: receipts, function: 'email', batchSize: 50, batchWindow: '1s' },
  },
})
