import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineConfig, embedded, env, onRecord, onRequest } from 'millrace'
import { http } from 'millrace/http'
import { kafka } from 'millrace/kafka'
import { testApp } from 'millrace/testing'
import { z } from 'zod'

const api = http('api', {
  port: 80,
  host: '203.0.113.1',
  tls: { cert: env('NOBODY_SET_CERT'), key: env('NOBODY_SET_KEY') },
})
const orders = embedded().queue('orders', { schema: z.object({ id: z.string() }) })
const quote = api.get('/quotes/:product')

const quotes = { source: quote, function: onRequest(quote, ({ params }) => Response.json({ product: params.product })) }

test('a route is asked wherever its server was to listen, and answers as it does there', async () => {
  const app = await testApp(defineConfig({ name: 'test', mappings: { quotes } }))
  const answer = await app.fetch('/quotes/apples')
  assert.deepEqual([answer.status, await answer.json()], [200, { product: 'apples' }])
  assert.equal((await app.fetch('/nowhere')).status, 404)
  await app.stop()
})

test('what comes in through a door is processed like any record', async () => {
  const seen: string[] = []
  const app = await testApp(
    defineConfig({
      name: 'test',
      doors: [api.post('/orders', { into: orders })],
      mappings: { take: { source: orders, function: onRecord(orders, order => void seen.push(order.data.id)) } },
    }),
  )
  const send = (body: string) =>
    app.fetch('/orders', { method: 'POST', body, headers: { 'content-type': 'application/json' } })
  assert.equal((await send('{"id": "a"}')).status, 202)
  assert.equal((await send('{"id": 7}')).status, 400)
  await app.idle()
  assert.deepEqual(seen, ['a'])
  await app.stop()
})

test('which server is meant has to be said where there are several, and an app without one says so', async () => {
  const other = http('other').get('/')
  const two = await testApp(
    defineConfig({
      name: 'test',
      mappings: { quotes, other: { source: other, function: onRequest(other, () => 'other') } },
    }),
  )
  await assert.rejects(two.fetch('/'), { code: 'APP_STATE', message: /2 servers; say which one .*: api, other/ })
  assert.equal(await (await two.fetch('/', { connection: 'other' })).text(), 'other')
  await assert.rejects(two.fetch('/', { connection: 'third' }), { code: 'APP_STATE', message: /connections\.third/ })
  await two.stop()
  const none = await testApp(defineConfig({ name: 'test', mappings: {} }))
  await assert.rejects(none.fetch('/'), { code: 'APP_STATE', message: /no server listens/ })
  await none.stop()
})

test('an app under test needs no secret of a server that is not there', async () => {
  const topic = kafka('main', {
    brokers: ['broker.example:9092'],
    sasl: { mechanism: 'plain', username: 'app', password: env('NOBODY_SET_PASSWORD') },
  }).topic('events')
  const seen: unknown[] = []
  const app = await testApp(
    defineConfig({
      name: 'test',
      mappings: { see: { source: topic, function: onRecord(topic, ({ data }) => void seen.push(data)) } },
    }),
  )
  await app.send(topic, [{ data: 1 }])
  await app.idle()
  assert.deepEqual(seen, [1])
  await app.stop()
})
