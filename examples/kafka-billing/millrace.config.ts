import { defineConfig } from 'millrace'
import { orders, ordersDead } from './channels.ts'
import { STATE_DIR } from './ledger.ts'

export default defineConfig({
  name: 'billing-example',
  stateDir: STATE_DIR,
  functions: { bill: { file: './functions/bill.ts', env: { BILLING_STATE: STATE_DIR } } },
  mappings: {
    bill: {
      source: orders.read({ group: 'billing' }),
      function: 'bill',
      batchSize: 20,
      // Many customers of a partition at once, each in order.
      order: 'key',
      maxAttempts: 3,
      backoff: { initial: '200ms', max: '1s' },
      deadLetters: { to: ordersDead },
    },
  },
})
