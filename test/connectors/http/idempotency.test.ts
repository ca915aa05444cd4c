/** `Idempotency-Key` by the IETF's draft, over real HTTP. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { http } from '../../../connectors/http/channel.ts'
import { readKey } from '../../../connectors/http/idempotency/key.ts'
import type { FunctionRequest } from '../../../core/event/http/request.ts'
import { until } from '../../support/until.ts'
import { serve } from './served.ts'

const KEYS: readonly (readonly [written: string, read: ReturnType<typeof readKey>])[] = [
  ['"8e03978e-40d5-43dd-bc93-6894a57f9324"', { key: '8e03978e-40d5-43dd-bc93-6894a57f9324' }],
  ['bare-key_1', { key: 'bare-key_1' }],
  ['"with \\"quotes\\" and \\\\"', { key: 'with "quotes" and \\' }],
  ['"parameters";a=1', { key: 'parameters' }],
  ['""', 'malformed'],
  ['"open', 'malformed'],
  ['"bad \\escape"', 'malformed'],
  ['"ünï"', 'malformed'],
  ['two words', 'malformed'],
  ['a, b', 'malformed'],
  [`"${'x'.repeat(256)}"`, 'malformed'],
]

for (const [written, read] of KEYS)
  test(`the key ${written.slice(0, 40)} is ${typeof read === 'string' ? read : 'read'}`, () => {
    assert.deepEqual(readKey([written]), read)
  })

test('no key, and two keys, are told apart from one', () => {
  assert.equal(readKey([]), 'missing')
  assert.equal(readKey(['a', 'a']), 'malformed')
})

test('a request that is sent again gets the first answer; another one with its key none, and one in progress neither', async context => {
  const api = http('api', { port: 0 })
  let calls = 0
  let release: (() => void) | undefined
  const ids: string[] = []
  const { url, stateDir, app } = await serve(context, {
    mappings: {
      pay: {
        source: api.post('/pay/:id', { idempotency: {} }),
        function: ({ idempotencyKey, data }: FunctionRequest<{ slow?: boolean }>) => {
          calls += 1
          ids.push(idempotencyKey)
          const answer = { statusCode: 201, headers: { 'x-call': calls }, cookies: ['a=1'], body: `call ${calls}` }
          return data.slow ? new Promise(resolve => (release = () => resolve(answer))) : answer
        },
      },
    },
  })
  const pay = (base: string, key: string | undefined, body: string, more: Record<string, string> = {}) =>
    fetch(`${base}/pay/7`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...more,
      },
    })
  const first = await pay(url, '"k1"', '{}')
  const again = await pay(url, 'k1', '{}')
  assert.deepEqual([first.status, await first.text(), first.headers.get('idempotency-replayed')], [201, 'call 1', null])
  assert.deepEqual([again.status, await again.text(), again.headers.get('x-call')], [201, 'call 1', '1'])
  assert.deepEqual([again.headers.getSetCookie(), again.headers.get('idempotency-replayed')], [['a=1'], 'true'])
  assert.equal((await pay(url, 'k1', '{"a":1}')).status, 422)
  assert.equal((await pay(url, undefined, '{}')).status, 400)
  assert.equal((await pay(url, '"', '{}')).status, 400)
  assert.equal(await (await pay(url, 'k1', '{}', { authorization: 'somebody else' })).text(), 'call 2')

  const slow = pay(url, 'k2', '{"slow":true}')
  await until('it runs', () => release !== undefined)
  const early = await pay(url, 'k2', '{"slow":true}')
  assert.deepEqual([early.status, early.headers.get('retry-after')], [409, '1'])
  release?.()
  assert.equal(await (await slow).text(), 'call 3')
  assert.equal(await (await pay(url, 'k2', '{"slow":true}')).text(), 'call 3')
  assert.equal(new Set(ids).size, 3)

  await app.stop()
  const next = await serve(context, {
    stateDir,
    mappings: { pay: { source: api.post('/pay/:id', { idempotency: {} }), function: () => 'not asked' } },
  })
  assert.equal(await (await pay(next.url, 'k1', '{}')).text(), 'call 1')
  assert.equal(calls, 3)
})

test('what failed may be tried again with its key; an answer that nobody heard is kept', async context => {
  const api = http('api', { port: 0 })
  let calls = 0
  let release: (() => void) | undefined
  const { url, port, app } = await serve(context, {
    mappings: {
      flaky: {
        source: api.post('/flaky', { idempotency: { required: false } }),
        function: () => {
          calls += 1
          if (calls === 1) throw new Error('not yet')
          return calls === 2 ? 'second' : new Promise(resolve => (release = () => resolve('third')))
        },
      },
    },
  })
  const ask = (key: string) => fetch(`${url}/flaky`, { method: 'POST', headers: { 'idempotency-key': key } })
  assert.equal((await ask('a')).status, 500)
  assert.equal(await (await ask('a')).text(), 'second')
  const socket = connect(port, '127.0.0.1')
  socket.write('POST /flaky HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nidempotency-key: b\r\n\r\n')
  await until('it runs', () => release !== undefined)
  socket.destroy()
  await until('nobody listens', () => socket.closed)
  release?.()
  await until('it is over', () => app.status().mappings[0]?.inFlight === 0)
  await until('its answer is kept', async () => (await (await ask('b')).text()) === 'third')
  assert.equal(calls, 3)
})
