/** What docs/idempotency.md says, run: its code as a project, its table of outcomes and of crashes against the code. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { createApp } from '../../core/app.ts'
import { logTo } from '../../core/log.ts'
import { until } from '../support/until.ts'
import { compiles, ROOT, readersProject } from './reader.ts'

const page = await readFile(join(ROOT, 'docs/idempotency.md'), 'utf8')

test('the code compiles, and each key runs once: by the function itself, and without touching it', {
  timeout: 180_000,
}, async context => {
  const folder = await readersProject(context, page)
  await compiles(context, folder)
  const configFile = join(folder, 'millrace.config.ts')
  const { default: config } = await import(pathToFileURL(configFile).href)
  const { orders, refunds } = await import(pathToFileURL(join(folder, 'channels.ts')).href)
  const said: string[] = []
  const app = createApp(config, { configFile, log: logTo((_level, message) => void said.push(message)) })
  context.after(() => app.stop())
  await app.start()
  const twice = [{ data: { id: 'order-7', total: 5 } }, { data: { id: 'order-7', total: 5 } }]
  await app.send(orders, twice)
  await app.send(refunds, twice)
  await app.send(refunds, twice)
  await until('all were accepted', () => {
    const [charge, refund] = app.status().mappings
    return charge?.counts.accepted === 2 && refund?.counts.accepted === 4
  })
  const told = (text: string) => said.filter(line => line.includes(text)).length
  assert.deepEqual(
    ['5 to pay under shop/charge/record', 'charged order-7 with a fence of its own', 'refunded order-7'].map(told),
    [1, 1, 1],
  )
  const [found] = await app.idempotency.find('order-7', { mapping: 'refund' })
  assert.deepEqual([found?.consumer, found?.stored.state], ['shop/refund', 'done'])
})

test('what is called by hand does what the page says', async context => {
  const folder = await readersProject(context, page)
  const { invoice, sqs } = await import(pathToFileURL(join(folder, 'by-hand.ts')).href)
  const order = { id: '1', total: 5 }
  assert.deepEqual(
    await Promise.all([invoice(order), invoice(order)]),
    Array(2).fill({ invoice: 'invoice of 1', at: new Date(0) }),
  )
  assert.deepEqual(await sqs({ Records: [{ messageId: 'm', body: JSON.stringify(order) }] }), { batchItemFailures: [] })
  const { deposit, count } = await import(pathToFileURL(join(folder, 'transfer.ts')).href)
  assert.deepEqual(
    [await deposit('d1', 'ann', 500), await deposit('d1', 'ann', 500), await deposit('d2', 'ann', 1)],
    [500, 500, 501],
  )
  const record = { time: 1, position: { topic: 't', partition: 0, offset: 0 } }
  assert.deepEqual([(await count(record)).kind, (await count(record)).kind], ['processed', 'repeated'])
})

test('"exactly once" stands only where it is true', () => {
  const lines = page.split('\n').filter(line => /exactly once/i.test(line))
  assert.equal(lines.length, 1)
  assert.match(page, /one transaction\*\*, which is the only case in which the effect happens exactly once/)
})
