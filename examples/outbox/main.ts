/** Places, pays and ships orders, each step a transaction with its event, and says what customers were told. */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createApp } from 'millrace'
import { outboxInsert } from 'millrace/postgres'
import { Client } from 'pg'
import type { z } from 'zod'
import { type Event, events } from './channels.ts'
import config from './millrace.config.ts'

const ORDERS = ['order-1', 'order-2', 'order-3', 'order-4', 'order-5']
const STEPS = ['placed', 'paid', 'shipped'] as const
const LOOK_EVERY_MS = 100

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const database = new Client({
  connectionString: process.env.DATABASE_URL ?? 'postgres://postgres:postgres@localhost:5432/postgres',
})
await database.connect()
await database.query(`
  CREATE TABLE IF NOT EXISTS outbox_example_orders (id text PRIMARY KEY, state text NOT NULL);
  CREATE TABLE IF NOT EXISTS outbox_example_mails (
    number bigint GENERATED ALWAYS AS IDENTITY, event text PRIMARY KEY, customer_of text NOT NULL, told text NOT NULL);
  TRUNCATE outbox_example_orders, outbox_example_mails`)

const app = createApp(config, { configFile: join(import.meta.dirname, 'millrace.config.ts') })
await app.start()

/** The order and its event, or neither. */
const step = async (order: string, happened: z.infer<typeof Event>['happened'], end: 'COMMIT' | 'ROLLBACK') => {
  await database.query('BEGIN')
  await database.query('INSERT INTO outbox_example_orders VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET state = $2', [
    order,
    happened,
  ])
  await database.query(await outboxInsert(events, [{ key: order, data: { order, happened } }]))
  await database.query(end)
}

for (const happened of STEPS) for (const order of ORDERS) await step(order, happened, 'COMMIT')
await step('order-6', 'placed', 'ROLLBACK')
say(`${ORDERS.length} orders were placed, paid and shipped; order-6 was rolled back`)

const toldTo = async (order: string): Promise<readonly string[]> => {
  const { rows } = await database.query<{ told: string }>(
    'SELECT told FROM outbox_example_mails WHERE customer_of = $1 ORDER BY number',
    [order],
  )
  return rows.map(({ told }) => told)
}
while ((await Promise.all(ORDERS.map(toldTo))).flat().length < ORDERS.length * STEPS.length) await pause(LOOK_EVERY_MS)
await app.stop()

for (const order of [...ORDERS, 'order-6']) say(`${order}: ${(await toldTo(order)).join(', ') || 'nothing'}`)
await database.end()
