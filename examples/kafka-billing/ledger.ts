/** What was billed, one line for each order; the function writes it in its own process. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const STATE_DIR = process.env.BILLING_STATE ?? join(import.meta.dirname, '.millrace')
export const BILLED = join(STATE_DIR, 'billed.jsonl')

export interface Bill {
  readonly id: string
  readonly customer: string
  readonly cents: number
}

export const bills = (): readonly Bill[] =>
  readFileSync(BILLED, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Bill)
