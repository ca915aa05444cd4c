import { defineConfig } from 'millrace'
import { orders, receipts } from './channels.ts'
import { STATE_DIR } from './ledger.ts'

export default defineConfig({
  name: 'orders-example',
  stateDir: STATE_DIR,
  functions: {
    charge: { file: './functions/charge.ts', timeout: '10s', memory: 256, env: { ORDERS_STATE: STATE_DIR } },
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
