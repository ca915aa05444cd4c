import { join } from 'node:path'
import { defineConfig } from 'millrace'
import { door, orders, totals } from './channels.ts'

const stateDir = process.env.WEBHOOKS_STATE ?? join(import.meta.dirname, '../../.millrace/webhooks')

export const BOOK = join(stateDir, 'book.jsonl')

export default defineConfig({
  name: 'webhooks',
  stateDir,
  functions: {
    book: { file: './functions/book.ts', env: { BOOK } },
    totals: { file: './functions/totals.ts', env: { BOOK } },
  },
  doors: [door],
  mappings: {
    book: { source: orders, function: 'book' },
    totals: { source: totals, function: 'totals' },
  },
})
