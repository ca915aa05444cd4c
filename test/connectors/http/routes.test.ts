/** Routes over real HTTP: what a function is given, and what the caller gets of what it answers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { http } from '../../../connectors/http/channel.ts'
import { onRequest } from '../../../core/function/on-request.ts'
import { serve } from './served.ts'

test('a function answers a request: as a plain value, by the rules of API Gateway, or as a Response of the web', async context => {
  const api = http('api', { port: 0 })
  const order = api.post('/orders/:id', { schema: z.object({ total: z.number() }) })
  const { url } = await serve(context, {
    mappings: {
      plain: { source: api.get('/plain'), function: () => ({ hello: 'world' }) },
      nothing: { source: api.get('/nothing'), function: () => undefined },
      text: { source: api.get('/text'), function: () => 'just text' },
      gateway: {
        source: api.get('/gateway'),
        function: () => ({ statusCode: 201, headers: { 'X-A': 'b' }, cookies: ['a=1', 'b=2'], body: 'made' }),
      },
      binary: {
        source: api.get('/binary'),
        function: () => ({ statusCode: 200, body: Buffer.from([0, 255]).toString('base64'), isBase64Encoded: true }),
      },
      order: {
        source: order,
        function: onRequest(order, ({ params, data, query, headers, method }) =>
          Response.json(
            { id: params.id, total: data.total, q: query.get('q'), tenant: headers.get('x-tenant'), method },
            {
              status: 202,
              headers: [
                ['set-cookie', 'c=3'],
                ['set-cookie', 'd=4'],
                ['x-b', 'c'],
              ],
            },
          ),
        ),
      },
    },
  })

  const plain = await fetch(`${url}/plain`)
  assert.deepEqual(
    [plain.status, plain.headers.get('content-type'), await plain.text()],
    [200, 'application/json', '{"hello":"world"}'],
  )
  assert.equal(await (await fetch(`${url}/nothing`)).text(), 'null')
  assert.equal(await (await fetch(`${url}/text`)).text(), 'just text')

  const gateway = await fetch(`${url}/gateway`)
  assert.deepEqual(
    [gateway.status, gateway.headers.get('x-a'), gateway.headers.getSetCookie(), await gateway.text()],
    [201, 'b', ['a=1', 'b=2'], 'made'],
  )
  assert.deepEqual([...(await (await fetch(`${url}/binary`)).bytes())], [0, 255])

  const answered = await fetch(`${url}/orders/a%20b?q=1&q=2`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-tenant': 't' },
    body: '{"total":5}',
  })
  assert.deepEqual(
    [answered.status, answered.headers.getSetCookie(), answered.headers.get('x-b')],
    [202, ['c=3', 'd=4'], 'c'],
  )
  assert.deepEqual(await answered.json(), { id: 'a b', total: 5, q: '1', tenant: 't', method: 'POST' })

  const head = await fetch(`${url}/plain`, { method: 'HEAD' })
  assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '17', ''])
})
