/** A remote function behind a mapping: what it answers is what becomes of records. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { embedded } from '../../../../connectors/embedded/channel.ts'
import { createApp } from '../../../../core/app.ts'
import type { App } from '../../../../core/app-contract.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { until } from '../../../support/until.ts'
import { type Answer, endpoint, reply } from './server.ts'

const orders = embedded().queue<number>('orders')

const start = async (context: TestContext, answer: Answer, mapping: object): Promise<App> => {
  const folder = await temporaryFolder(context)
  const { url } = await endpoint(context, answer)
  const app = createApp(
    {
      name: 'shop',
      stateDir: join(folder, 'state'),
      functions: { f: { url } },
      mappings: { m: { source: orders, function: 'f', backoff: { initial: '10ms', max: '50ms' }, ...mapping } },
    },
    {},
  )
  context.after(() => app.stop())
  await app.start()
  return app
}

const counts = (app: App) => app.status().mappings[0]?.counts

test('a function that has no room gets the batch again, and no attempt is charged', async context => {
  let asked = 0
  const attempts: number[] = []
  const app = await start(
    context,
    ({ body }, response) => {
      asked += 1
      for (const record of JSON.parse(body) as { attempt: number }[]) attempts.push(record.attempt)
      reply(response, asked < 4 ? 429 : 200, '', { 'Retry-After': '0' })
    },
    { maxAttempts: 1 },
  )
  await app.send(orders, [{ data: 1 }])
  await until('it was taken', () => counts(app)?.accepted === 1)
  assert.deepEqual(attempts, [1, 1, 1, 1])
  assert.deepEqual(await app.deadLetters.list(), [])
})

test('a function that fails is tried again, and its error is in the dead letter', async context => {
  const body = JSON.stringify({ errorType: 'OutOfStock', errorMessage: 'none left', trace: ['at charge'] })
  const app = await start(context, (_request, response) => reply(response, 500, body), { maxAttempts: 3 })
  await app.send(orders, [{ data: 1 }])
  await until('it was parked', () => counts(app)?.parked === 1)
  const [summary] = await app.deadLetters.list()
  const { letter } = await app.deadLetters.show(summary?.id ?? '')
  assert.equal(letter.attempts.length, 3)
  assert.deepEqual([letter.error.name, letter.error.message], ['OutOfStock', 'none left'])
  assert.deepEqual(letter.function, { name: 'f', version: 'remote' })
})

test('where the function is not there nobody is charged, and the mapping says that it is not ready', async context => {
  let there = false
  const app = await start(context, (_request, response) => reply(response, there ? 200 : 404), {
    maxAttempts: 1,
    breaker: { initial: '20ms', max: '50ms' },
  })
  await app.send(orders, [{ data: 1 }, { data: 2 }])
  await until('that is known', () => app.status().mappings[0]?.lastError?.code === 'FUNCTION_INIT_FAILED')
  assert.equal(app.status().mappings[0]?.breaker, 'open')
  there = true
  await until('both were taken', () => counts(app)?.accepted === 2)
  assert.deepEqual(await app.deadLetters.list(), [])
})
