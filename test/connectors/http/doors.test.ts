/** Doors over real HTTP: 202 is said when the broker has it, and not before. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { z } from 'zod'
import { embedded } from '../../../connectors/embedded/channel.ts'
import { http } from '../../../connectors/http/channel.ts'
import { githubWebhooks, standardWebhooks } from '../../../connectors/http/webhooks/schemes.ts'
import { env } from '../../../core/config/secret.ts'
import { onBatch } from '../../../core/function/on-batch.ts'
import type { Batch } from '../../../core/function/record.ts'
import { until } from '../../support/until.ts'
import { serve } from './served.ts'

const post = (url: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })

test('what comes through a door is a record of the channel, with what is known of how it came', async context => {
  const api = http('api', { port: 0 })
  const events = embedded().queue('events', { schema: z.object({ total: z.number() }) })
  const seen: Batch[number][] = []
  const { url } = await serve(context, {
    doors: [api.post('/in/:shop', { into: events, headers: ['X-Tenant', 'Authorization'] })],
    mappings: { keep: { source: events, function: onBatch(events, async batch => void seen.push(...batch)) } },
  })
  const answer = await post(`${url}/in/a%20b?q=1`, '{"total":1}', {
    'x-tenant': 't',
    authorization: 'secret',
    traceparent: 'p',
  })
  assert.deepEqual([answer.status, await answer.json()], [202, { message: 'Accepted', records: 1 }])
  const refused = await post(`${url}/in/x`, '{"total":"a"}')
  assert.equal(refused.status, 400)
  assert.deepEqual(
    ((await refused.json()) as { issues: { path: string }[] }).issues.map(({ path }) => path),
    ['total'],
  )
  assert.equal((await post(`${url}/in/x`, '')).status, 400)
  assert.equal((await post(`${url}/in/x`, '{}', { 'content-type': 'text/plain' })).status, 415)
  await until('the record is there', () => seen.length === 1)
  assert.deepEqual(seen[0]?.data, { total: 1 })
  const headers = Object.fromEntries((seen[0]?.headers ?? []).filter(([name]) => name !== 'user-agent'))
  assert.deepEqual(headers, {
    'content-type': 'application/json',
    'x-tenant': 't',
    traceparent: 'p',
    'http-method': 'POST',
    'http-path': '/in/a%20b',
    'http-query': 'q=1',
    'http-param-shop': 'a b',
  })
})

test('webhooks that Standard Webhooks signed are taken, by any of the secrets, and no others', async context => {
  const [old, fresh] = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', `whsec_${Buffer.alloc(32, 7).toString('base64')}`]
  process.env.HOOK_OLD = old
  const api = http('api', { port: 0 })
  const events = embedded().queue('events')
  const ids: string[] = []
  const { url } = await serve(context, {
    doors: [api.post('/hook', { into: events, verify: standardWebhooks([env('HOOK_OLD'), fresh]) })],
    mappings: { keep: { source: events, function: (batch: Batch) => void ids.push(...batch.map(({ id }) => id)) } },
  })
  const send = (secret: string, id: string, at = new Date(), body = '{"a":"é"}', sent = body) =>
    post(`${url}/hook`, sent, {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': `v1a,x ${new Webhook(secret).sign(id, at, body)}`,
    })
  assert.equal((await send(old, 'msg_1')).status, 202)
  assert.equal((await send(fresh, 'msg_2')).status, 202)
  const told = async (answer: Promise<Response>) => {
    const { status, ...rest } = await answer
    void rest
    return status
  }
  assert.equal(await told(send('whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'msg_3')), 401)
  assert.equal(await told(send(old, 'msg_4', new Date(), '{"a":1}', '{"a":2}')), 401)
  assert.equal(await told(send(old, 'msg_5', new Date(Date.now() - 6 * 60_000))), 401)
  assert.equal(await told(send(old, 'msg_6', new Date(Date.now() + 6 * 60_000))), 401)
  assert.equal(await told(send(old, 'msg.7')), 401)
  assert.equal(await told(post(`${url}/hook`, '{}')), 401)
  await until('both are there', () => ids.length === 2)
  assert.deepEqual(ids.toSorted(), ['msg_1', 'msg_2'])
})

test('a secret that is none keeps its door shut, and is not shown', async context => {
  const api = http('api', { port: 0 })
  const events = embedded().queue('events')
  const { app, lines } = await serve(context, {
    doors: [api.post('/hook', { into: events, verify: standardWebhooks('not base64!') })],
    mappings: { open: { source: api.get('/'), function: () => 1 } },
  })
  assert.deepEqual(app.status().doors?.[0]?.state, 'failed')
  assert.match(app.status().doors?.[0]?.problem ?? '', /secret 1 of 1 is no secret of standard webhooks/)
  assert.ok(!JSON.stringify([lines, app.status()]).includes('not base64!'))
  assert.equal(app.status().ready, false)
})

test('a delivery that GitHub sends again is answered as before and is one record', async context => {
  const { createHmac } = await import('node:crypto')
  const api = http('api', { port: 0 })
  const events = embedded().queue('events')
  const seen: Batch[number][] = []
  const { url } = await serve(context, {
    doors: [
      api.post('/hook', {
        into: events,
        verify: githubWebhooks("It's a Secret to Everybody"),
        idempotency: { by: 'webhook' },
      }),
    ],
    mappings: { keep: { source: events, function: (batch: Batch) => void seen.push(...batch) } },
  })
  const body = '{"action":"opened"}'
  const signature = `sha256=${createHmac('sha256', "It's a Secret to Everybody").update(body).digest('hex')}`
  const send = (delivery: string) =>
    post(`${url}/hook`, body, {
      'x-hub-signature-256': signature,
      'x-github-delivery': delivery,
      'x-github-event': 'issues',
    })
  const [first, again] = [await send('d1'), await send('d1')]
  assert.deepEqual([first.status, again.status, again.headers.get('idempotency-replayed')], [202, 202, 'true'])
  assert.equal(await first.text(), await again.text())
  assert.equal((await send('d2')).status, 202)
  await until('two are there', () => seen.length === 2)
  assert.deepEqual(seen.map(({ id }) => id).toSorted(), ['d1', 'd2'])
  assert.deepEqual(seen[0]?.headers.find(([name]) => name === 'x-github-event')?.[1], 'issues')
})

test('CloudEvents come in binary, structured and in batches, all of them or none', async context => {
  const api = http('api', { port: 0 })
  const events = embedded().queue('events')
  const seen: Batch[number][] = []
  const { url } = await serve(context, {
    doors: [api.post('/events', { into: events, webhookOrigins: ['shop.example'] })],
    mappings: { keep: { source: events, function: (batch: Batch) => void seen.push(...batch) } },
  })
  const event = (id: string, more: object = {}) => ({ specversion: '1.0', id, source: '/shop', type: 'order', ...more })
  const binary = await post(`${url}/events`, '{"n":1}', {
    'ce-specversion': '1.0',
    'ce-id': 'a',
    'ce-source': '/shop',
    'ce-type': 'order',
    'ce-subject': 'Gr%C3%BC%C3%9Fe',
    'ce-partitionkey': 'k',
  })
  assert.equal(binary.status, 202)
  const structured = await post(`${url}/events`, JSON.stringify(event('b', { data: { n: 2 } })), {
    'content-type': 'application/cloudevents+json; charset=utf-8',
  })
  assert.equal(structured.status, 202)
  const batchType = { 'content-type': 'application/cloudevents-batch+json' }
  const batch = [event('c', { data: { n: 3 } }), event('d', { data_base64: Buffer.from('{"n":4}').toString('base64') })]
  const answer = await post(`${url}/events`, JSON.stringify(batch), batchType)
  assert.deepEqual(await answer.json(), { message: 'Accepted', records: 2 })
  for (const wrong of [
    [event('e'), { id: 'f' }],
    [event('e'), event('f', { specversion: '0.3' })],
    {},
    [event('e', { Bad: 1 })],
  ])
    assert.equal((await post(`${url}/events`, JSON.stringify(wrong), batchType)).status, 400)
  assert.equal((await post(`${url}/events`, '[]', batchType)).status, 202)
  await until('four are there', () => seen.length === 4)
  assert.deepEqual(seen.map(({ id, data }) => [id, data]).toSorted(), [
    ['/shop#a', { n: 1 }],
    ['/shop#b', { n: 2 }],
    ['/shop#c', { n: 3 }],
    ['/shop#d', { n: 4 }],
  ])
  const first = seen.find(({ id }) => id === '/shop#a')
  assert.equal(first?.key, 'k')
  assert.equal(first?.headers.find(([name]) => name === 'ce_subject')?.[1], 'Grüße')

  const ask = (origin: string) =>
    fetch(`${url}/events`, {
      method: 'OPTIONS',
      headers: { 'webhook-request-origin': origin, 'webhook-request-rate': '120' },
    })
  const granted = await ask('shop.example')
  assert.deepEqual(
    [granted.status, granted.headers.get('webhook-allowed-origin'), granted.headers.get('webhook-allowed-rate')],
    [200, 'shop.example', '*'],
  )
  assert.equal((await ask('evil.example')).headers.get('webhook-allowed-origin'), null)
})
