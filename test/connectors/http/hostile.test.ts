/** What no well-meaning client sends: each is refused, and nothing that follows on its connection is taken for a request. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { http } from '../../../connectors/http/channel.ts'
import type { FunctionRequest } from '../../../core/event/http/request.ts'
import { serve } from './served.ts'

/** All that comes back until the server ends the connection, or nothing more comes. */
const raw = async (port: number, text: string, { quietMs = 1_000 }: { quietMs?: number } = {}) => {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const pieces: string[] = []
  socket.on('data', piece => pieces.push(piece.toString('latin1')))
  socket.on('error', () => {})
  socket.write(text, 'latin1')
  const quiet = AbortSignal.timeout(quietMs)
  const ended = await Promise.race([
    once(socket, 'close').then(() => true),
    new Promise<false>(resolve => quiet.addEventListener('abort', () => resolve(false))),
  ])
  socket.destroy()
  return { answers: pieces.join(''), ended }
}

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n'
const head = (...lines: readonly string[]): string => ['POST /in HTTP/1.1', ...lines].join('\r\n')

const SHAPES: Readonly<Record<string, string>> = {
  'both a length and chunks': `${head('host: a', 'content-length: 4', 'transfer-encoding: chunked')}\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  'two lengths': `${head('host: a', 'content-length: 4', 'content-length: 5')}\r\n\r\nabcd${SMUGGLED}`,
  'two lengths in one header': `${head('host: a', 'content-length: 4, 5')}\r\n\r\nabcd${SMUGGLED}`,
  'a length that is none': `${head('host: a', 'content-length: +4')}\r\n\r\nabcd${SMUGGLED}`,
  'chunks that are not the last encoding': `${head('host: a', 'transfer-encoding: chunked, identity')}\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  'chunks under another name': `${head('host: a', 'transfer-encoding: xchunked')}\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  'a folded header': `${head('host: a', 'x-a: b', '\tcontent-length: 4')}\r\n\r\n${SMUGGLED}`,
  'a space before the colon': `${head('host: a', 'content-length : 4')}\r\n\r\nabcd${SMUGGLED}`,
  'a header that ends with a bare LF': `POST /in HTTP/1.1\r\nhost: a\nx: y\r\n\r\n${SMUGGLED}`,
  'a bare CR in a header': `${head('host: a', 'x: a\rb')}\r\n\r\n${SMUGGLED}`,
  'a NUL in a header': `${head('host: a', 'x: a\0b')}\r\n\r\n${SMUGGLED}`,
  'a chunk that is longer than it says': `${head('host: a', 'transfer-encoding: chunked')}\r\n\r\n1\r\nabc\r\n0\r\n\r\n${SMUGGLED}`,
  'a chunk whose length is none': `${head('host: a', 'transfer-encoding: chunked')}\r\n\r\nzz\r\n\r\n${SMUGGLED}`,
  'no host': `POST /in HTTP/1.1\r\ncontent-length: 0\r\n\r\n${SMUGGLED}`,
  'two hosts': `POST /in HTTP/1.1\r\nhost: a\r\nhost: b\r\ncontent-length: 0\r\n\r\n${SMUGGLED}`,
  'no HTTP at all': `\x16\x03\x01 hello\r\n\r\n${SMUGGLED}`,
}

for (const [shape, text] of Object.entries(SHAPES))
  test(`${shape} is refused, and ends the connection`, async context => {
    const seen: string[] = []
    const api = http('api', { port: 0 })
    const note = ({ path }: { path: string }): void => void seen.push(path)
    const { port } = await serve(context, {
      mappings: {
        in: { source: api.post('/in', { codec: 'bytes' }), function: note },
        smuggled: { source: api.get('/smuggled'), function: note },
      },
    })
    const { answers, ended } = await raw(port, text)
    assert.match(answers, /^HTTP\/1\.1 400 /)
    assert.equal(answers.match(/HTTP\/1\.1/g)?.length, 1, answers)
    assert.ok(ended)
    assert.ok(!seen.includes('/smuggled'), 'what follows is no request')
  })

test('a client that is slow with its headers or its body is told 408 and cut off', async context => {
  const api = http('api', { port: 0, headersTimeout: '300ms', requestTimeout: '600ms' })
  const { port } = await serve(context, { mappings: { in: { source: api.post('/in'), function: () => 1 } } })
  const [headers, body] = await Promise.all([
    raw(port, 'POST /in HTTP/1.1\r\nhost: a\r\nx-', { quietMs: 5_000 }),
    raw(port, `${head('host: a', 'content-length: 10')}\r\n\r\nab`, { quietMs: 5_000 }),
  ])
  for (const { answers, ended } of [headers, body]) {
    assert.match(answers, /^HTTP\/1\.1 408 /)
    assert.ok(ended)
  }
})

test('headers that are too large are a 431, bodies that are too large a 413, chunked as well', async context => {
  const api = http('api', { port: 0, maxHeaderBytes: '2 KB' })
  const { port } = await serve(context, {
    mappings: { in: { source: api.post('/in', { maxBody: '1 KB', codec: 'bytes' }), function: () => 1 } },
  })
  assert.match((await raw(port, `${head('host: a', `x: ${'a'.repeat(3_000)}`)}\r\n\r\n`)).answers, /^HTTP\/1\.1 431 /)
  const whole = await raw(port, `${head('host: a', 'content-length: 1025')}\r\n\r\n${'a'.repeat(1_025)}${SMUGGLED}`)
  assert.match(whole.answers, /^HTTP\/1\.1 413 /)
  const chunk = `400\r\n${'a'.repeat(1_024)}\r\n`
  const chunked = await raw(
    port,
    `${head('host: a', 'transfer-encoding: chunked')}\r\n\r\n${chunk}${chunk}0\r\n\r\n${SMUGGLED}`,
  )
  assert.match(chunked.answers, /^HTTP\/1\.1 413 /)
  for (const { answers, ended } of [whole, chunked]) {
    assert.equal(answers.match(/HTTP\/1\.1/g)?.length, 1, answers)
    assert.ok(ended)
  }
})

test('names that would change prototypes are names like any other', async context => {
  const api = http('api', { port: 0 })
  const { url } = await serve(context, {
    mappings: {
      own: {
        source: api.post('/own/:name'),
        function: ({ data, params, query }: FunctionRequest) => ({ data, params, q: [...query] }),
      },
      aws: { source: api.post('/aws/:name'), format: 'lambda', function: (event: unknown) => event },
    },
  })
  const ask = async (path: string) =>
    (
      await fetch(`${url}${path}?__proto__=x&constructor=y`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', __proto__x: '1' },
        body: '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
      })
    ).text()
  for (const path of ['/own/__proto__', '/aws/__proto__']) assert.match(await ask(path), /polluted/)
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
})

test('headers that stand twice reach the function as they were sent, and none is lost', async context => {
  const api = http('api', { port: 0 })
  const { port } = await serve(context, {
    mappings: {
      aws: {
        source: api.get('/aws'),
        format: 'lambda',
        function: ({ headers, cookies }: never) => ({ headers, cookies }),
      },
    },
  })
  const { answers } = await raw(
    port,
    'GET /aws HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a: 2\r\nCookie: a=1\r\nCookie: b=2\r\nconnection: close\r\n\r\n',
  )
  assert.deepEqual(JSON.parse(answers.slice(answers.indexOf('\r\n\r\n'))), {
    headers: { host: 'a', 'x-a': '1,2', connection: 'close' },
    cookies: ['a=1', 'b=2'],
  })
})

test('one connection carries many requests, also sent ahead of their answers', async context => {
  const api = http('api', { port: 0 })
  const { port } = await serve(context, {
    mappings: { one: { source: api.get('/:n'), function: ({ params }: FunctionRequest) => params.n } },
  })
  const request = (n: number): string =>
    `GET /${n} HTTP/1.1\r\nhost: a\r\n${n === 5 ? 'connection: close\r\n' : ''}\r\n`
  const { answers, ended } = await raw(port, [1, 2, 3, 4, 5].map(request).join(''))
  assert.deepEqual(
    answers.match(/\r\n\r\n\d/g)?.map(text => text.trim()),
    ['1', '2', '3', '4', '5'],
  )
  assert.ok(ended)
})
