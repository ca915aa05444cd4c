import assert from 'node:assert/strict'
import { Agent, request as httpRequest } from 'node:http'
import { type TestContext, test } from 'node:test'
import { sleep, systemClock } from '../../../../core/clock.ts'
import {
  type Answered,
  type GivenRequest,
  openRuntimeApi,
  type RuntimeApi,
} from '../../../../core/engine/runtime-api/server.ts'
import { until } from '../../../support/until.ts'

interface Opened {
  readonly api: RuntimeApi
  readonly told: string[]
  readonly answers: Answered[]
  /** Status and body of a call by a runtime. */
  call(method: string, path: string, body?: string, headers?: Record<string, string>): Promise<[number, string]>
}

const BASE = '/2018-06-01/runtime'
const given = (id: string, body = '{}'): GivenRequest => ({
  id,
  take: () => ({ headers: { 'Lambda-Runtime-Aws-Request-Id': id }, body }),
})

const open = async (context: TestContext): Promise<Opened> => {
  const told: string[] = []
  const answers: Answered[] = []
  const api = await openRuntimeApi({
    ready: () => void told.push('ready'),
    initFailed: ({ type, body }) => void told.push(`init failed ${type} ${Buffer.from(body)}`),
    answered: (id, answered) => {
      told.push(`${id} ${answered.kind}`)
      answers.push(answered)
    },
  })
  context.after(() => api.close())
  return {
    api,
    told,
    answers,
    call: connect(context, api),
  }
}

/** A connection that is kept: a call waits for the one before it. */
const connect = (context: TestContext, api: RuntimeApi): Opened['call'] => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  context.after(() => agent.destroy())
  return (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const request = httpRequest(`http://${api.address}${path}`, { method, headers, agent })
      request.on('error', reject)
      request.on('response', async response => {
        const chunks = await response.toArray()
        resolve([response.statusCode ?? 0, Buffer.concat(chunks).toString()])
      })
      request.end(body)
    })
}

const transition = (from: string, to: string): [number, string] => [
  403,
  JSON.stringify({
    errorMessage: `State transition from ${from} to ${to} failed for runtime. Error: State transition is not allowed`,
    errorType: 'InvalidStateTransition',
  }),
]
const INVALID_ID: [number, string] = [400, '{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}']
const OK: [number, string] = [202, '{"status":"OK"}']

test('a request is asked for, answered once, and asked for again; what is out of order is refused with the words of AWS', async context => {
  const { api, told, call } = await open(context)
  assert.deepEqual(await call('POST', `${BASE}/invocation/a/response`, '1'), INVALID_ID)
  const first = call('GET', `${BASE}/invocation/next`)
  await until('it is ready', () => told.includes('ready'))
  const beside = connect(context, api)
  assert.deepEqual(await beside('POST', `${BASE}/init/error`, '{}'), transition('Ready', 'InitError'))
  api.give(given('a', '[1]'))
  assert.deepEqual(await first, [200, '[1]'])
  assert.deepEqual(await call('GET', `${BASE}/invocation/next`), transition('Running', 'Ready'))
  assert.deepEqual(await call('POST', `${BASE}/invocation/b/response`, '1'), INVALID_ID)
  assert.deepEqual(await call('POST', `${BASE}/invocation/a/response`, '1'), OK)
  assert.deepEqual(
    await call('POST', `${BASE}/invocation/a/response`, '2'),
    transition('RuntimeResponseSentState', 'InvocationResponse'),
  )
  assert.deepEqual(
    await call('POST', `${BASE}/invocation/a/error`, '{}'),
    transition('RuntimeResponseSentState', 'InvocationErrorResponse'),
  )
  api.give(given('b'))
  assert.deepEqual(await call('GET', `${BASE}/invocation/next`), [200, '{}'])
  assert.deepEqual(await call('POST', `${BASE}/invocation/a/response`, '1'), INVALID_ID)
  assert.deepEqual(await call('POST', `${BASE}/invocation/b/error`, '{}'), OK)
  assert.deepEqual(told, ['ready', 'a response', 'b error'])
})

test('an Init that fails is told with its type, and nothing is asked for after it', async context => {
  const { told, call } = await open(context)
  const headers = { 'Lambda-Runtime-Function-Error-Type': 'Runtime.NoLicence' }
  assert.deepEqual(await call('POST', `${BASE}/init/error`, '{"errorMessage":"x"}', headers), OK)
  assert.deepEqual(await call('GET', `${BASE}/invocation/next`), transition('InitError', 'Ready'))
  assert.deepEqual(await call('POST', `${BASE}/init/error`, '{}'), transition('InitError', 'InitError'))
  assert.deepEqual(told, ['init failed Runtime.NoLicence {"errorMessage":"x"}'])
})

test('paths that are none, and methods that are not of the path', async context => {
  const { call } = await open(context)
  assert.deepEqual(await call('GET', '/2018-06-01/ping'), [200, 'pong'])
  for (const path of [
    '/',
    '/2018-06-01',
    `${BASE}/next`,
    '/2020-01-01/extension/register',
    `${BASE}/restore/next`,
    `${BASE}/invocation//response`,
  ])
    assert.deepEqual(await call('GET', path), [404, '404 page not found\n'], path)
  assert.deepEqual(await call('POST', `${BASE}/invocation/next`, ''), [405, ''])
  assert.deepEqual(await call('GET', `${BASE}/invocation/a/response`), [405, ''])
})

test('an answer of more than 6 MB is refused, and is an answer all the same', async context => {
  const { api, answers, call } = await open(context)
  api.give(given('a'))
  await call('GET', `${BASE}/invocation/next`)
  const [status, body] = await call('POST', `${BASE}/invocation/a/response`, 'x'.repeat(6_291_557))
  assert.equal(status, 413)
  assert.deepEqual(JSON.parse(body), {
    errorMessage: 'Exceeded maximum allowed payload size (6291556 bytes).',
    errorType: 'RequestEntityTooLarge',
  })
  assert.deepEqual(answers, [{ kind: 'too-large', length: 6_291_557 }])
  api.give(given('b'))
  await call('GET', `${BASE}/invocation/next`)
  assert.deepEqual(await call('POST', `${BASE}/invocation/b/response`, 'x'.repeat(6_291_556)), OK)
})

test('what is sent without end is cut off', async context => {
  const { api, answers, call } = await open(context)
  api.give(given('a'))
  await call('GET', `${BASE}/invocation/next`)
  const endless = httpRequest(`http://${api.address}${BASE}/invocation/a/response`, { method: 'POST' })
  endless.on('error', () => {})
  const write = (): void => {
    while (!endless.destroyed && endless.write(Buffer.alloc(1_048_576))) {}
  }
  endless.on('drain', write)
  write()
  await until('it is told', () => answers.length > 0)
  assert.equal(answers[0]?.kind, 'too-large')
  endless.destroy()
})

test('a streamed answer may end with an error, behind it', async context => {
  const { api, answers, call } = await open(context)
  const stream = async (id: string, trailers: Record<string, string>): Promise<number | undefined> => {
    api.give(given(id))
    await call('GET', `${BASE}/invocation/next`)
    return new Promise((resolve, reject) => {
      const request = httpRequest(`http://${api.address}${BASE}/invocation/${id}/response`, {
        method: 'POST',
        headers: {
          'Lambda-Runtime-Function-Response-Mode': 'streaming',
          'Transfer-Encoding': 'chunked',
          'Content-Type': 'application/json',
          Trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
        },
      })
      request.on('error', reject)
      request.on('response', response => {
        response.resume()
        resolve(response.statusCode)
      })
      request.write('{"batchItem')
      request.write('Failures":[]}')
      request.addTrailers(trailers)
      request.end()
    })
  }
  assert.equal(await stream('a', {}), 202)
  const body = Buffer.from('{"errorMessage":"half way"}').toString('base64')
  assert.equal(
    await stream('b', {
      'Lambda-Runtime-Function-Error-Type': 'Function.Broke',
      'Lambda-Runtime-Function-Error-Body': body,
    }),
    202,
  )
  assert.deepEqual(answers, [
    {
      kind: 'response',
      body: Buffer.from('{"batchItemFailures":[]}'),
      contentType: 'application/json',
      streamed: true,
    },
    { kind: 'error', error: { type: 'Function.Broke', body: Buffer.from('{"errorMessage":"half way"}') } },
  ])
})

test('a mode of answering that there is not is refused', async context => {
  const { api, answers, call } = await open(context)
  api.give(given('a'))
  await call('GET', `${BASE}/invocation/next`)
  assert.deepEqual(
    await call('POST', `${BASE}/invocation/a/response`, '1', { 'Lambda-Runtime-Function-Response-Mode': 'buffered' }),
    [400, '{"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}'],
  )
  assert.deepEqual(answers, [{ kind: 'wrong-mode', mode: 'buffered' }])
})

test('an answer whose connection breaks is told as that, and the runtime may go on', async context => {
  const { api, answers, call } = await open(context)
  api.give(given('a'))
  await call('GET', `${BASE}/invocation/next`)
  const broken = httpRequest(`http://${api.address}${BASE}/invocation/a/response`, {
    method: 'POST',
    headers: { 'Content-Length': '100' },
  })
  broken.on('error', () => {})
  broken.write('half')
  broken.on('socket', socket => socket.on('connect', () => setImmediate(() => broken.destroy())))
  await until('it is told', () => answers.length > 0)
  assert.equal(answers[0]?.kind, 'broken')
  api.give(given('b'))
  assert.deepEqual(await call('GET', `${BASE}/invocation/next`), [200, '{}'])
})

test('a runtime that has lost its connection when it was given a request gets it on the next', async context => {
  const { api, told, call } = await open(context)
  const lost = httpRequest(`http://${api.address}${BASE}/invocation/next`)
  lost.on('error', () => {})
  lost.end()
  await until('it waits', () => told.includes('ready'))
  api.give(given('a', '[2]'))
  lost.destroy()
  // Until the server has noticed, the request counts as being in hand.
  const [, body] = await until('it is handed out again', async () => {
    const answer = await call('GET', `${BASE}/invocation/next`)
    return answer[0] === 200 && answer
  })
  assert.equal(body, '[2]')
  assert.deepEqual(await call('POST', `${BASE}/invocation/a/response`, ''), OK)
})

test('a connection is kept for as long as a function runs', async context => {
  const { api } = await open(context)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  context.after(() => agent.destroy())
  const portOf = (method: string, path: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const request = httpRequest(`http://${api.address}${path}`, { method, agent })
      request.on('error', reject)
      request.on('response', response => {
        const { localPort } = response.socket
        response.resume()
        response.on('end', () => resolve(localPort))
      })
      request.end()
    })
  api.give(given('a'))
  const first = await portOf('GET', `${BASE}/invocation/next`)
  // Servers of Node end what is idle for five seconds, looking once a second.
  await sleep(systemClock, 7_000)
  assert.equal(await portOf('POST', `${BASE}/invocation/a/response`), first)
})

test('several that ask at once get one request after the other, never the same', async context => {
  const { api, told, call } = await open(context)
  const one = call('GET', `${BASE}/invocation/next`)
  await until('the first waits', () => told.includes('ready'))
  const beside = connect(context, api)
  const other = beside('GET', `${BASE}/invocation/next`)
  api.give(given('a', '[1]'))
  assert.deepEqual(await one, [200, '[1]'])
  assert.deepEqual(await call('POST', `${BASE}/invocation/a/response`, ''), OK)
  api.give(given('b', '[2]'))
  assert.deepEqual(await other, [200, '[2]'])
  assert.deepEqual(await beside('POST', `${BASE}/invocation/b/response`, ''), OK)
})

test('a request that was withdrawn is not handed out', async context => {
  const { api, call } = await open(context)
  api.give(given('a'))
  api.withdraw()
  const next = call('GET', `${BASE}/invocation/next`)
  api.give(given('b', '[2]'))
  assert.deepEqual(await next, [200, '[2]'])
})
