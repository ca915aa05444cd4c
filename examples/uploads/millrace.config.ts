import { join } from 'node:path'
import { defineConfig } from 'millrace'
import { priceLists, UPLOADS } from './channels.ts'

export const PRICES = join(UPLOADS, 'prices.jsonl')

export default defineConfig({
  name: 'uploads-example',
  stateDir: join(UPLOADS, 'state'),
  functions: { read: { file: './functions/read.ts', env: { PRICES } } },
  mappings: { read: { source: priceLists, function: 'read' } },
})
