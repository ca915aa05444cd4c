/** Builds the function in Go, sends orders and parcels, waits until each is done or a dead letter, and says what the functions wrote. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createApp } from 'millrace'
import { orders, parcels } from './channels.ts'
import config from './millrace.config.ts'
import { LABEL_FOLDER, LABELLED, PRICED } from './state.ts'

const ORDERS = 12
const COUNTRIES = ['DE', 'FR', 'SE'] as const

const linesOf = (path: string): readonly string[] =>
  existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : []
const say = (line: string): void => void process.stdout.write(`${line}\n`)

mkdirSync(LABEL_FOLDER, { recursive: true })
execFileSync('go', ['build', '-o', join(LABEL_FOLDER, 'bootstrap'), '.'], {
  cwd: join(import.meta.dirname, 'functions/label'),
  stdio: 'inherit',
})
for (const ledger of [PRICED, LABELLED]) rmSync(ledger, { force: true })

const app = createApp(config, { configFile: join(import.meta.dirname, 'millrace.config.ts') })
await app.start()
const started = Date.now()
const numbers = Array.from({ length: ORDERS }, (_, index) => index + 1)
const idOf = (number: number): string => `order-${String(number).padStart(2, '0')}`
await app.send(
  orders,
  numbers.map(number => ({
    data: {
      id: idOf(number),
      country: number === 7 ? 'XX' : (COUNTRIES[number % COUNTRIES.length] ?? 'DE'),
      net: `${number}.10`,
    },
  })),
)
await app.send(
  parcels,
  numbers.map(number => ({ data: { Order: idOf(number), To: `street ${number}`, Fragile: number % 6 === 0 } })),
)

const letters = async () => (await app.deadLetters.list()).filter(letter => letter.parkedAt >= started)
while (linesOf(PRICED).length + (await letters()).length < ORDERS || linesOf(LABELLED).length < ORDERS) await pause(50)

say('priced by a function in Python:')
for (const line of linesOf(PRICED).toSorted()) say(`  ${line}`)
for (const { errorMessage } of await letters()) say(`  a dead letter: ${errorMessage}`)
say('labelled by a function in Go:')
for (const line of linesOf(LABELLED).toSorted()) say(`  ${line}`)
await app.stop()
