/** What callers are told when there is no answer of a function, and what only the log is told. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { z } from 'zod'
import { http } from '../../../connectors/http/channel.ts'
import type { FunctionContext } from '../../../core/function/context.ts'
import { RetryAfter } from '../../../core/function/errors.ts'
import { until } from '../../support/until.ts'
import { serve } from './served.ts'

const post = (url: string, body: string, contentType = 'application/json') =>
  fetch(url, { method: 'POST', body, headers: { 'content-type': contentType } })

test('a body that codec or schema refuse is a 400 with its issues, and the function has not seen it', async context => {
  const api = http('api', { port: 0 })
  let calls = 0
  const schema = z.object({ total: z.number(), items: z.array(z.object({ name: z.string() })) })
  const { url } = await serve(context, {
    mappings: {
      order: {
        source: api.post('/orders', { schema }),
        function: () => {
          calls += 1
        },
      },
    },
  })
  const invalid = await post(`${url}/orders`, '{"total":"a","items":[{}]}')
  assert.equal(invalid.status, 400)
  const { issues } = (await invalid.json()) as { issues: { path: string }[] }
  assert.deepEqual(
    issues.map(({ path }) => path),
    ['total', 'items[0].name'],
  )
  const broken = await post(`${url}/orders`, '{')
  assert.equal(broken.status, 400)
  assert.match(((await broken.json()) as { detail: string }).detail, /^the body is not JSON/)
  const deep = await post(`${url}/orders`, '['.repeat(100_000))
  assert.match(((await deep.json()) as { detail: string }).detail, /nested more than 200 deep/)
  assert.equal((await fetch(`${url}/orders`, { method: 'POST' })).status, 400)
  assert.equal((await post(`${url}/orders`, '{}', 'text/plain')).status, 415)
  assert.equal((await fetch(`${url}/orders`, { method: 'POST', body: Buffer.from('{}') })).status, 415)
  assert.equal((await post(`${url}/orders`, `"${'x'.repeat(1_048_577)}"`)).status, 413)
  assert.equal(calls, 0)
  assert.equal(
    (await post(`${url}/orders`, '{"total":1,"items":[]}', 'application/vnd.shop+json; charset=utf-8')).status,
    200,
  )
  assert.equal(calls, 1)
})

test('what a function throws, or answers wrongly, is in the log and not in the answer', async context => {
  const api = http('api', { port: 0 })
  const { url, lines } = await serve(context, {
    mappings: {
      throws: {
        source: api.get('/throws'),
        function: () => {
          throw new Error('the password is hunter2')
        },
      },
      header: {
        source: api.get('/header'),
        function: () => ({ statusCode: 200, headers: { a: 'b\r\nset-cookie: c=1' } }),
      },
      large: { source: api.get('/large', { maxAnswer: '1 KB' }), function: () => 'x'.repeat(1_025) },
      busy: {
        source: api.get('/busy'),
        function: () => {
          throw new RetryAfter('90s')
        },
      },
    },
  })
  for (const path of ['/throws', '/header']) {
    const answer = await fetch(url + path)
    assert.deepEqual([answer.status, await answer.text()], [500, '{"message":"Internal Server Error"}'])
    assert.equal(answer.headers.get('set-cookie'), null)
  }
  assert.ok(lines.some(({ fields }) => JSON.stringify(fields).includes('hunter2')))
  assert.ok(lines.some(({ fields }) => /headers\.a must be .*on one line/.test(JSON.stringify(fields))))
  assert.equal((await fetch(`${url}/large`)).status, 502)
  assert.ok(lines.some(({ message }) => /longer than maxAnswer/.test(message)))
  const busy = await fetch(`${url}/busy`)
  assert.deepEqual([busy.status, busy.headers.get('retry-after')], [503, '90'])
})

test('there is nothing at another path, and another method is told which there are', async context => {
  const api = http('api', { port: 0 })
  const { url } = await serve(context, {
    mappings: {
      one: { source: api.get('/orders/:id'), function: () => 1 },
      two: { source: api.any('/orders/:id'), function: () => 2 },
      three: { source: api.post('/orders/special'), function: () => 3 },
    },
  })
  assert.equal((await fetch(`${url}/nowhere`)).status, 404)
  assert.equal(await (await fetch(`${url}/orders/special`)).json(), 1)
  assert.equal(await (await fetch(`${url}/orders/special`, { method: 'POST' })).json(), 3)
  assert.equal(await (await fetch(`${url}/orders/7`, { method: 'PUT' })).json(), 2)
  const options = await fetch(`${url}/orders/7`, { method: 'OPTIONS' })
  assert.deepEqual(
    [options.status, options.headers.get('allow')],
    [204, 'GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS'],
  )
  const wrong = await fetch(`${url}/orders/special/more`, { method: 'PUT' })
  assert.equal(wrong.status, 404)
  assert.equal((await fetch(`${url}/orders/%zz`)).status, 400)
})

test('405 says what is allowed', async context => {
  const api = http('api', { port: 0 })
  const { url } = await serve(context, { mappings: { one: { source: api.get('/files/*'), function: () => 1 } } })
  const refused = await fetch(`${url}/files/a/b`, { method: 'DELETE' })
  assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD, OPTIONS'])
})

test('past the deadline the caller is told 504, and what runs is aborted', async context => {
  const api = http('api', { port: 0 })
  let aborted = 0
  const { url } = await serve(context, {
    mappings: {
      slow: {
        source: api.get('/slow', { timeout: '50ms' }),
        function: (_request: unknown, { signal }: FunctionContext) =>
          new Promise<void>(resolve =>
            signal.addEventListener('abort', () => {
              aborted += 1
              resolve()
            }),
          ),
      },
    },
  })
  assert.equal((await fetch(`${url}/slow`)).status, 504)
  await until('the function was told', () => aborted === 1)
})

test('a caller who hangs up aborts what runs for him, and what waits is dropped', async context => {
  const api = http('api', { port: 0 })
  const seen: string[] = []
  const { url, port, app } = await serve(context, {
    mappings: {
      slow: {
        source: api.get('/slow/:name', { maxWait: '10s' }),
        maxConcurrency: 1,
        function: ({ params }: { params: { name: string } }, { signal }: FunctionContext) => {
          seen.push(params.name)
          return new Promise(resolve => signal.addEventListener('abort', () => resolve(seen.push('aborted'))))
        },
      },
    },
  })
  const [first, second] = ['first', 'second'].map(name => {
    const socket = connect(port, '127.0.0.1')
    socket.write(`GET /slow/${name} HTTP/1.1\r\nhost: a\r\n\r\n`)
    return socket
  })
  await until('one runs and one waits', () => app.status().mappings[0]?.inFlight === 2)
  second?.destroy()
  await once(second as never, 'close')
  first?.destroy()
  await until('both are over', () => app.status().mappings[0]?.inFlight === 0)
  assert.deepEqual(seen, ['first', 'aborted'])
  assert.equal(app.status().mappings[0]?.counts.lost, 2)
  assert.ok(url)
})

test('without an environment in time, and with too many under way, callers are told to come again', async context => {
  const api = http('api', { port: 0 })
  let release: (() => void) | undefined
  const { url, app } = await serve(context, {
    mappings: {
      slow: {
        source: api.get('/slow', { maxWait: '50ms' }),
        maxConcurrency: 1,
        maxInFlight: 2,
        function: () =>
          new Promise<void>(resolve => {
            release = resolve
          }),
      },
    },
  })
  const first = fetch(`${url}/slow`)
  await until('the first runs', () => app.status().mappings[0]?.running === 1)
  const [second, third] = await Promise.all([fetch(`${url}/slow`), fetch(`${url}/slow`)])
  assert.deepEqual([second?.status, third?.status, second?.headers.get('retry-after')], [503, 503, '1'])
  release?.()
  assert.equal((await first).status, 200)
})

test('the breaker opens after distinct failures, tells callers when to come again, and closes by a probe', async context => {
  const api = http('api', { port: 0 })
  let works = false
  let calls = 0
  const { url, app } = await serve(context, {
    mappings: {
      flaky: {
        source: api.get('/flaky'),
        breaker: { failures: 3, initial: '100ms', max: '100ms' },
        function: () => {
          calls += 1
          if (!works) throw new Error('down')
          return 'up'
        },
      },
    },
  })
  const status = async (): Promise<number> => (await fetch(`${url}/flaky`)).status
  assert.deepEqual([await status(), await status(), await status(), await status()], [500, 500, 500, 503])
  assert.deepEqual([calls, app.status().mappings[0]?.breaker], [3, 'open'])
  works = true
  await until('a probe succeeds', async () => (await status()) === 200)
  assert.equal(app.status().mappings[0]?.breaker, 'closed')
  assert.equal(await status(), 200)
})

test('a function that cannot be made ready is a 503', async context => {
  const api = http('api', { port: 0 })
  const { url, lines } = await serve(context, {
    functions: { gone: { file: './served.ts' } },
    mappings: { gone: { source: api.get('/gone'), function: 'gone' } },
  })
  const answer = await fetch(`${url}/gone`)
  assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '1'])
  assert.ok(lines.some(({ message }) => message.startsWith('the function is not ready')))
})
