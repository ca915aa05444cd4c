/** Code from AWS Lambda, unchanged, behind brokers of one's own. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { MappingConfig } from '../../core/config/define.ts'
import { createApp, defineConfig, embedded } from '../../core/index.ts'
import { temporaryFolder } from '../support/folder.ts'
import { until } from '../support/until.ts'

const local = embedded()
const orders = local.queue('orders')
const stream = local.stream('clicks', { partitions: 1 })
const QUICKLY = { maxAttempts: 2, backoff: { initial: '10ms', max: '20ms' } } as const

/** `-2` is the order that fails. */
const order = (id: number, key?: string) => ({
  data: { id: String(id), total: id },
  headers: { tenant: 'north' },
  ...(key === undefined ? {} : { key }),
})

const appOf = async (context: TestContext, mappings: Readonly<Record<string, MappingConfig<'sqs' | 'kinesis'>>>) => {
  const stateDir = await temporaryFolder(context)
  const ledger = join(stateDir, 'ledger')
  const functionAt = (name: string) => ({
    file: join(import.meta.dirname, `lambda/${name}.mjs`),
    env: { LEDGER: ledger },
  })
  const app = createApp(
    defineConfig({
      name: 'shop',
      stateDir,
      functions: { sqs: functionAt('sqs'), kinesis: functionAt('kinesis') },
      mappings,
    }),
  )
  context.after(() => app.stop())
  const lines = (): readonly string[] => readFileSync(ledger, 'utf8').split('\n').slice(0, -1)
  const accepted = (count: number) =>
    until(`${count} records are accepted`, () => app.status().mappings[0]?.counts.accepted === count)
  return { app, lines, accepted }
}

test('a function for SQS behind an embedded queue: what it names is retried and parked, the rest runs once', async context => {
  const { app, lines, accepted } = await appOf(context, {
    orders: { source: orders, function: 'sqs', format: 'lambda', ...QUICKLY },
  })
  await app.send(
    orders,
    [1, -2, 3, 4].map(id => order(id)),
  )
  await app.start()
  await accepted(3)
  const [letter, ...others] = await until('the failing order is parked', async () => {
    const letters = await app.deadLetters.list()
    return letters.length > 0 && letters
  })
  assert.deepEqual([others.length, letter?.reason, letter?.attempts], [0, 'exhausted', 2])
  assert.deepEqual(lines(), ['1 north sqs', '3 north sqs', '4 north sqs'])
})

test('a function for Kinesis that stops at its first failure loses nothing, even where no order is kept', async context => {
  const { app, lines, accepted } = await appOf(context, {
    clicks: { source: stream, function: 'kinesis', format: 'lambda', order: 'none', maxConcurrency: 1, ...QUICKLY },
  })
  await app.send(
    stream,
    [1, -2, 3, -4, 5].map(id => order(id, `user-${id}`)),
  )
  await app.start()
  await accepted(3)
  const letters = await until('both that fail are parked', async () => {
    const found = await app.deadLetters.list()
    return found.length === 2 && found
  })
  // What was not tried is not charged.
  assert.deepEqual(
    letters.map(letter => [letter.reason, letter.attempts]),
    [
      ['exhausted', 2],
      ['exhausted', 2],
    ],
  )
  assert.deepEqual([...lines()].sort(), ['1 user-1', '3 user-3', '5 user-5'])
})
