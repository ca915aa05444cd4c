/** What `npm start` runs: the app, a generator of orders, and a line for everything that happens. */
import { appendFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { createApp } from 'millrace'
import { orders } from './channels.ts'
import { CHARGED, idsIn, ORDERED } from './ledger.ts'
import config from './millrace.config.ts'
import { narrate, say } from './narrate.ts'
import { nextOrder } from './orders.ts'

const ORDERS_PER_TURN = 5
const TURN_MS = 250
const ACCOUNTS_EVERY_TURNS = 40

const app = createApp(config, { configFile: `${import.meta.dirname}/millrace.config.ts`, log: narrate })
await app.start()
say('about 20 orders a second arrive; 3 % of them cannot succeed, some fail once. Ctrl-C stops.')
say('in another terminal: npx millrace dlq list · npx millrace dlq show <id> · npx millrace dlq replay --all')
await accounts('so far')

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())

let number = idsIn(ORDERED).length
for (let turn = 1; !stopping.signal.aborted; turn += 1) {
  const batch = Array.from({ length: ORDERS_PER_TURN }, () => nextOrder(number++))
  await app.send(
    orders,
    batch.map(order => ({ id: order.id, key: order.customer, data: order })),
  )
  // Written once the broker has confirmed: from here on an order must end as charged or as a dead letter.
  for (const order of batch) appendFileSync(ORDERED, `${JSON.stringify({ id: order.id })}\n`)
  if (turn % ACCOUNTS_EVERY_TURNS === 0) await accounts('so far')
  await pause(TURN_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
}

say('stopping: what runs is finished, the rest stays in the queue')
await app.stop()
say('stopped')

/** Every order is charged, a dead letter, or on its way; nothing else. */
async function accounts(when: string): Promise<void> {
  const ordered = new Set(idsIn(ORDERED))
  const charged = new Set(idsIn(CHARGED).filter(id => ordered.has(id)))
  const letters = await app.deadLetters.list({ mapping: 'charge', limit: 100_000 })
  const parked = letters.filter(letter => !charged.has(letter.recordId)).length
  say(
    `${when}: ${ordered.size} ordered = ${charged.size} charged + ${parked} dead letters + ${ordered.size - charged.size - parked} on their way`,
  )
}
