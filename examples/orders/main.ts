/** What `npm start` runs: the app, a generator of orders, and a line for everything that happens. `npm start -- 500` stops once 500 orders are done. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createApp } from 'millrace'
import { accounts } from './accounts.ts'
import { orders } from './channels.ts'
import { idsIn, ORDERED } from './ledger.ts'
import config from './millrace.config.ts'
import { narrate, say } from './narrate.ts'
import { nextOrder } from './orders.ts'

const ORDERS_PER_TURN = 5
const TURN_MS = 250
const ACCOUNTS_EVERY_TURNS = 40
const LAST_ORDER = Number(process.argv[2] ?? Number.POSITIVE_INFINITY)

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())

const app = createApp(config, { configFile: join(import.meta.dirname, 'millrace.config.ts'), log: narrate })
await app.start()
say('about 20 orders a second arrive; 3 % of them cannot succeed, some fail once. Ctrl-C stops.')
say('in another terminal: npx millrace dlq list · npx millrace dlq show <id> · npx millrace dlq replay --all')
say((await accounts(app)).text)

// An order whose confirmation was not written down is sent again under the same id, which the ledger counts once.
for (let turn = 1, number = idsIn(ORDERED).length; !stopping.signal.aborted; turn += 1) {
  const batch = Array.from({ length: Math.min(ORDERS_PER_TURN, Math.max(0, LAST_ORDER - number)) }, () =>
    nextOrder(number++),
  )
  await app.send(
    orders,
    batch.map(order => ({ id: order.id, key: order.customer, data: order })),
  )
  // The broker has confirmed them: from here on each must end as charged or as a dead letter, whatever happens.
  for (const order of batch) appendFileSync(ORDERED, `${JSON.stringify({ id: order.id })}\n`)
  const { text, onTheirWay } = await accounts(app)
  if (turn % ACCOUNTS_EVERY_TURNS === 0) say(text)
  if (number >= LAST_ORDER && onTheirWay === 0) break
  await pause(TURN_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
}

say('stopping: what runs is finished, the rest stays in the queue')
say((await accounts(app)).text)
await app.stop()
say('stopped')
