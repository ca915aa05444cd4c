/** Starts the app, makes its topics, sends 60 orders of 6 customers, and says which were billed and which are dead letters. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { createApp } from 'millrace'
import { orders, ordersDead } from './channels.ts'
import { BILLED, bills, STATE_DIR } from './ledger.ts'
import config from './millrace.config.ts'

const CUSTOMERS = ['ann', 'bob', 'cleo', 'dan', 'eve', 'mallory']
const ORDERS = 60
/** Mallory's third. */
const REFUSED = 18

const say = (line: string): void => void process.stdout.write(`${line}\n`)

mkdirSync(STATE_DIR, { recursive: true })
writeFileSync(BILLED, '')

const app = createApp(config, { configFile: join(import.meta.dirname, 'millrace.config.ts') })
// Before its topics are there: it says so, and waits for them.
await app.start()

const brokers = (process.env.KAFKA_BROKERS ?? 'localhost:9092').split(',')
const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.ERROR }).admin()
await admin.connect()
await admin.createTopics({
  topics: [
    { topic: orders.name, numPartitions: 3 },
    { topic: ordersDead.name, numPartitions: 3 },
  ],
  waitForLeaders: true,
})
await admin.disconnect()

const deadLetters = () => app.deadLetters.list({ limit: 1_000 })
const deadBefore = (await deadLetters()).length

await app.send(
  orders,
  Array.from({ length: ORDERS }, (_, index) => {
    const number = index + 1
    const customer = CUSTOMERS[index % CUSTOMERS.length] ?? ''
    const card: 'good' | 'refused' = number === REFUSED ? 'refused' : 'good'
    return {
      key: customer,
      data: { id: `order-${String(number).padStart(2, '0')}`, customer, cents: 100 * number, card },
    }
  }),
)
say(`${ORDERS} orders of ${CUSTOMERS.length} customers are sent`)

while (bills().length + (await deadLetters()).length - deadBefore < ORDERS) await pause(100)

for (const customer of CUSTOMERS) {
  const ids = bills()
    .filter(bill => bill.customer === customer)
    .map(({ id }) => id)
  const inOrder = ids.join() === ids.toSorted().join() ? 'in order' : `out of order: ${ids}`
  say(`${customer}: ${ids.length} billed, ${inOrder}`)
}
for (const { errorMessage, attempts } of (await deadLetters()).slice(0, -deadBefore || undefined))
  say(`dead letter after ${attempts} attempts: ${errorMessage}`)
await app.stop()
