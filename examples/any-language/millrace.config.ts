import { defineConfig } from 'millrace'
import { orders, parcels } from './channels.ts'
import { LABEL_FOLDER, LABELLED, PRICED, STATE_DIR } from './state.ts'

export default defineConfig({
  name: 'any-language-example',
  stateDir: STATE_DIR,
  functions: {
    price: { file: './functions/price', command: ['python3', 'price.py'], env: { PRICED } },
    label: { file: LABEL_FOLDER, env: { LABELLED } },
  },
  mappings: {
    price: { source: orders, function: 'price', batchWindow: '200ms' },
    label: {
      source: parcels,
      function: 'label',
      format: 'lambda',
      batchWindow: '200ms',
      backoff: { initial: '100ms', max: '1s' },
    },
  },
})
