import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { kafka } from '../../connectors/kafka/index.ts'
import { createApp, defineConfig, env } from '../../core/index.ts'
import { openTopic } from '../connectors/kafka/opened.ts'
import { sharedBroker } from '../support/brokers/shared.ts'
import { temporaryFolder } from '../support/folder.ts'
import { until } from '../support/until.ts'

const broker = sharedBroker('kafka')

test('a function for self-managed Kafka, from AWS: failures by partition and offset are parked, the rest runs once', {
  skip: broker.missing,
  timeout: 180_000,
}, async context => {
  const opened = await openTopic(context, (await broker.address()).url)
  const stateDir = await temporaryFolder(context)
  const LEDGER = join(stateDir, 'ledger')
  const topic = kafka('shop', { brokers: env('EVENT_FORMATS_BROKERS', opened.brokers) }).topic(opened.topic)
  const app = createApp(
    defineConfig({
      name: 'shop',
      stateDir,
      functions: { charge: { file: join(import.meta.dirname, 'lambda/kafka.mjs'), env: { LEDGER } } },
      mappings: {
        charge: {
          source: topic,
          function: 'charge',
          format: 'lambda',
          order: 'none',
          maxAttempts: 2,
          backoff: { initial: '10ms', max: '20ms' },
        },
      },
    }),
  )
  context.after(() => app.stop())
  await app.send(
    topic,
    [1, -2, 3, 4].map(id => ({ data: { id, total: id }, headers: { tenant: 'nörth' }, key: `k${id}` })),
  )
  await app.start()
  await until('all but one are accepted', () => app.status().mappings[0]?.counts.accepted === 3, { timeoutMs: 40_000 })
  const [letter] = await until('the failing order is parked', async () => {
    const letters = await app.deadLetters.list()
    return letters.length > 0 && letters
  })
  assert.deepEqual([letter?.reason, letter?.attempts], ['exhausted', 2])
  const lines = readFileSync(LEDGER, 'utf8').trim().split('\n').sort()
  assert.deepEqual(
    lines,
    [1, 3, 4].map(id => `${id} nörth ${opened.brokers}`),
  )
})
