/** The server itself: who may read answers, who is believed, how it is encrypted, how it ends. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { test } from 'node:test'
import { http } from '../../../connectors/http/channel.ts'
import { file } from '../../../core/config/secret.ts'
import type { FunctionRequest } from '../../../core/event/http/request.ts'
import { makeCertificates } from '../../support/certificates.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'
import { serve } from './served.ts'

test('pages of other origins may read what the server, or one of its places, lets them', async context => {
  const api = http('api', { port: 0, cors: { origin: ['https://shop.example'], credentials: true, maxAge: 60 } })
  const { url } = await serve(context, {
    mappings: {
      get: { source: api.get('/orders/:id'), function: () => 1 },
      put: {
        source: api.put('/orders/:id', { cors: { origin: ['https://shop.example'], allowedHeaders: ['X-A'] } }),
        function: () => 1,
      },
      closed: { source: api.get('/closed', { cors: false }), function: () => 1 },
      open: { source: api.get('/open', { cors: { origin: '*', exposedHeaders: ['X-Total'] } }), function: () => 1 },
    },
  })
  const get = (path: string, origin: string) => fetch(url + path, { headers: { origin } })
  const allowed = async (path: string, origin: string) =>
    (await get(path, origin)).headers.get('access-control-allow-origin')
  assert.equal(await allowed('/orders/1', 'https://shop.example'), 'https://shop.example')
  assert.equal(await allowed('/orders/1', 'https://evil.example'), null)
  assert.equal(await allowed('/closed', 'https://shop.example'), null)
  assert.equal(await allowed('/open', 'https://evil.example'), '*')
  const open = await get('/open', 'https://evil.example')
  assert.deepEqual(
    [open.headers.get('access-control-expose-headers'), open.headers.get('access-control-allow-credentials')],
    ['X-Total', null],
  )
  const credentials = await get('/orders/1', 'https://shop.example')
  assert.deepEqual(
    [credentials.headers.get('access-control-allow-credentials'), credentials.headers.get('vary')],
    ['true', 'Origin'],
  )
  const preflight = async (path: string, origin: string) =>
    fetch(url + path, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-a' },
    })
  const asked = await preflight('/orders/1', 'https://shop.example')
  assert.deepEqual(
    [asked.status, asked.headers.get('access-control-allow-methods'), asked.headers.get('access-control-max-age')],
    [204, 'GET, PUT, HEAD, OPTIONS', '60'],
  )
  assert.equal((await preflight('/closed', 'https://shop.example')).headers.get('access-control-allow-origin'), null)
})

test('only proxies that are named are believed whose request it is', async context => {
  const seen = async (trustProxy: readonly string[]) => {
    const api = http('api', { port: 0, trustProxy })
    const { url, app } = await serve(context, {
      mappings: {
        who: {
          source: api.get('/'),
          function: ({ sourceIp, url: of }: FunctionRequest) => `${sourceIp} ${of.split(':')[0]}`,
        },
      },
    })
    const answer = await (
      await fetch(url, { headers: { 'x-forwarded-for': '10.9.9.9, 192.0.2.1', 'x-forwarded-proto': 'https' } })
    ).text()
    await app.stop()
    return answer
  }
  assert.equal(await seen([]), '127.0.0.1 http')
  assert.equal(await seen(['10.0.0.0/8']), '127.0.0.1 http')
  assert.equal(await seen(['loopback']), '192.0.2.1 https')
})

test('TLS, and clients that have to bring a certificate', async context => {
  const { ca, caFile, server, client } = await makeCertificates(await temporaryFolder(context))
  const api = http('api', {
    port: 0,
    tls: { cert: file(server.certFile), key: file(server.keyFile), clientCa: file(caFile) },
  })
  const { url } = await serve(context, {
    mappings: { one: { source: api.get('/'), function: ({ url: of }: FunctionRequest) => of.split(':')[0] } },
  })
  const ask = (options: object): Promise<string> =>
    new Promise((resolve, reject) => {
      const asked = httpsRequest(url, { ca, ...options }, response => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', piece => (text += piece))
        response.on('end', () => resolve(text))
      })
      asked.on('error', reject)
      asked.end()
    })
  assert.equal(await ask({ cert: client.cert, key: client.key }), 'https')
  await assert.rejects(ask({}))
})

test('a stop takes no new connection, lets what runs end, and closes what is kept open', async context => {
  const api = http('api', { port: 0, keepAliveTimeout: '1m' })
  let release: (() => void) | undefined
  const { url, port, app } = await serve(context, {
    mappings: {
      slow: { source: api.get('/slow'), function: () => new Promise(resolve => (release = () => resolve('done'))) },
    },
  })
  const idle = connect(port, '127.0.0.1')
  await once(idle, 'connect')
  const answered = new Promise<{ text: string; connection: string | undefined }>((resolve, reject) => {
    httpRequest(`${url}/slow`, response => {
      response.setEncoding('utf8')
      response.on('data', text => resolve({ text, connection: response.headers.connection }))
    })
      .on('error', reject)
      .end()
  })
  await until('it runs', () => release !== undefined)
  const stopped = app.stop()
  await until('no connection is accepted', async () => {
    const late = connect(port, '127.0.0.1')
    const refused = await new Promise<boolean>(resolve => {
      late.once('connect', () => resolve(false))
      late.once('error', () => resolve(true))
    })
    late.destroy()
    return refused
  })
  release?.()
  assert.deepEqual(await answered, { text: 'done', connection: 'close' })
  await stopped
  await until('the idle connection is closed', () => idle.closed || idle.readableEnded || idle.destroyed)
})

test('past drainTimeout what runs is aborted, and its caller told to come again', async context => {
  const api = http('api', { port: 0 })
  let aborted = false
  let runs = false
  const { url, app } = await serve(context, {
    mappings: {
      slow: {
        source: api.get('/slow'),
        drainTimeout: '50ms',
        function: (_request: unknown, { signal }: { signal: AbortSignal }) => {
          runs = true
          return new Promise<void>(resolve =>
            signal.addEventListener('abort', () => {
              aborted = true
              resolve()
            }),
          )
        },
      },
    },
  })
  const asked = fetch(`${url}/slow`)
  await until('it runs', () => runs)
  await app.stop()
  const answer = await asked
  assert.deepEqual([answer.status, answer.headers.get('connection'), aborted], [503, 'close', true])
})

test('a paused mapping tells callers to come again, and goes on when it is resumed', async context => {
  const api = http('api', { port: 0 })
  const { url, app } = await serve(context, { mappings: { one: { source: api.get('/'), function: () => 1 } } })
  await app.pause('one')
  assert.equal((await fetch(url)).status, 503)
  await app.resume('one')
  assert.equal((await fetch(url)).status, 200)
})

test('a port that somebody has is waited for', async context => {
  const first = http('api', { port: 0 })
  const one = await serve(context, { mappings: { one: { source: first.get('/'), function: () => 'one' } } })
  const second = http('api', { port: one.port })
  const waiting = serve(context, { mappings: { two: { source: second.get('/'), function: () => 'two' } } })
  const { app } = await waiting
  assert.match(app.status().mappings[0]?.waitsForSource?.message ?? '', /cannot listen on 127\.0\.0\.1:\d+.*EADDRINUSE/)
  await one.app.stop()
  await until('the second has it', async () => {
    try {
      return (await (await fetch(one.url)).text()) === 'two'
    } catch {
      return false
    }
  })
})

test('places may come and go while the server listens', async context => {
  const api = http('api', { port: 0 })
  const mappings = { one: { source: api.get('/one'), function: () => 1 } }
  const { url, app, stateDir } = await serve(context, { mappings })
  await app.reload({
    name: 'test',
    stateDir,
    zygotes: 0,
    mappings: { ...mappings, two: { source: api.get('/two'), function: () => 2 } },
  })
  assert.deepEqual([(await fetch(`${url}/one`)).status, (await fetch(`${url}/two`)).status], [200, 200])
  await app.reload({ name: 'test', stateDir, zygotes: 0, mappings })
  assert.equal((await fetch(`${url}/two`)).status, 404)
})

test('two of one place are a mistake that is told', async context => {
  const api = http('api', { port: 0 })
  const { app } = await serve(context, {
    mappings: {
      one: { source: api.get('/a/:x'), function: () => 1 },
      two: { source: api.get('/a/:y'), function: () => 2 },
    },
  })
  const failed = app.status().mappings.filter(({ state }) => state === 'failed')
  assert.equal(failed.length, 1)
  assert.match(failed[0]?.lastError?.message ?? '', /GET \/a\/:[xy] is declared already, as GET \/a\/:[xy]/)
})
