/** What was ordered and what was charged, as lines in files: a kill at any moment leaves them readable. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Also where Millrace keeps its state: the folder from which `npm start` and `npx millrace dlq list` are run. */
export const STATE_DIR = process.env.ORDERS_STATE ?? join(import.meta.dirname, '../../.millrace')

const folder = join(STATE_DIR, 'orders-example')
mkdirSync(folder, { recursive: true })

export const ORDERED = join(folder, 'ordered.ndjson')
export const CHARGED = join(folder, 'charged.ndjson')

/** The ids in a ledger, in order; one that was written twice is there twice. */
export const idsIn = (path: string): readonly string[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .flatMap(line => /"id":"([^"]*)".*}$/.exec(line)?.[1] ?? [])
    : []
