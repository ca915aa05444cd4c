/** The orders example as a process of its own, with its state in a folder of the test. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Child, startNode } from './child.ts'

export const startOrders = (context: TestContext, stateDir: string, lastOrder?: number): Child =>
  startNode(context, ['examples/orders/main.ts', ...(lastOrder === undefined ? [] : [String(lastOrder)])], {
    env: { ...process.env, ORDERS_STATE: stateDir },
  })

/** The ids in one of the example's ledgers, read without its own code. */
export const ledger = (stateDir: string, name: 'ordered' | 'charged'): readonly string[] =>
  readFileSync(join(stateDir, 'orders-example', `${name}.ndjson`), 'utf8')
    .split('\n')
    .filter(line => line.endsWith('}'))
    .map(line => (JSON.parse(line) as { readonly id: string }).id)
