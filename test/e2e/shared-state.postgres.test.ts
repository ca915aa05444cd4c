import assert from 'node:assert/strict'
import { test } from 'node:test'
import { postgres } from '../../connectors/postgres/index.ts'
import { createApp } from '../../core/app.ts'
import { defineConfig, embedded } from '../../core/index.ts'
import { freshDatabase } from '../support/brokers/database.ts'
import { sharedBroker } from '../support/brokers/shared.ts'
import { temporaryFolder } from '../support/folder.ts'
import { until } from '../support/until.ts'

const server = sharedBroker('postgres')

test('what one machine parked is found and replayed by another that shares its state', {
  skip: server.missing,
}, async context => {
  const state = postgres('state', { url: await freshDatabase(context, await server.address()), maxConnections: 4 })
  const orders = embedded().queue<{ total: number }>('orders')
  const ran: number[] = []
  const app = async (handler: (total: number) => void) => {
    const created = createApp(
      defineConfig({
        name: 'shop',
        stateDir: await temporaryFolder(context),
        state,
        mappings: {
          charge: {
            source: orders,
            maxAttempts: 2,
            backoff: { initial: '10ms' },
            function: async (records: readonly { readonly data: { total: number } }[]) => {
              for (const { data } of records) handler(data.total)
            },
          },
        },
      }),
    )
    context.after(() => created.stop())
    return created
  }
  const failing = await app(total => {
    throw new Error(`no ${total}`)
  })
  await failing.start()
  await failing.send(orders, [{ data: { total: 1 } }, { data: { total: 2 } }])
  await until('both are parked', async () => (await failing.deadLetters.list()).length === 2)
  await failing.stop()

  const mended = await app(total => void ran.push(total))
  await mended.start()
  const [letter] = await mended.deadLetters.list()
  assert.equal((await mended.deadLetters.show(letter?.id ?? '')).letter.attempts.length, 2)
  const { job = '' } = await mended.deadLetters.replay({ all: true })
  await until('the replay is done', async () => (await mended.deadLetters.job(job)).state === 'done')
  assert.deepEqual(ran.toSorted(), [1, 2])
  assert.deepEqual(await mended.deadLetters.list(), [])
})

test('a shared state that cannot be reached parks nothing and says so, and is used when it can', {
  skip: server.missingOwn,
}, async context => {
  const broker = await server.own()
  const url = await freshDatabase(context, await server.address())
  const state = postgres('state', { url, maxConnections: 4 })
  const orders = embedded().queue<{ total: number }>('orders')
  const app = createApp(
    defineConfig({
      name: 'shop',
      stateDir: await temporaryFolder(context),
      state,
      mappings: {
        charge: {
          source: orders,
          maxAttempts: 1,
          function: async () => {
            throw new Error('no')
          },
        },
      },
    }),
  )
  context.after(() => app.stop())
  await app.start()
  await app.deadLetters.list()
  await broker.kill('SIGKILL')
  await app.send(orders, [{ data: { total: 1 } }])
  await assert.rejects(app.deadLetters.list(), { code: 'STATE_UNAVAILABLE' })
  await broker.restart('SIGKILL')
  await until('it is parked', async () => (await app.deadLetters.list().catch(() => [])).length === 1)
})
