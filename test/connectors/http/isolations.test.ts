/** Requests in each isolation and each form: what a function gets and answers crosses the border as it is, also in pieces. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { test } from 'node:test'
import { http } from '../../../connectors/http/channel.ts'
import { until } from '../../support/until.ts'
import { serve } from './served.ts'

const ISOLATIONS = ['inline', 'thread', 'process'] as const

for (const isolation of ISOLATIONS)
  test(`${isolation}: a request, its answer, and pieces of answers cross the border`, async context => {
    const api = http('api', { port: 0 })
    const functions = {
      echo: { file: './functions/echo.ts', isolation },
      web: { file: './functions/web.ts', isolation },
      aws: { file: './functions/aws.ts', isolation },
      streamed: { file: './functions/streamed.ts', isolation },
      event: { file: './functions/event.ts', isolation },
    }
    const { url, app } = await serve(context, {
      functions,
      mappings: {
        echo: { source: api.post('/echo/:id', { codec: 'bytes' }), function: 'echo' },
        web: { source: api.get('/web/:what', { maxAnswer: '64 MB' }), function: 'web' },
        aws: { source: api.post('/aws/*'), function: 'aws', format: 'lambda' },
        streamed: { source: api.get('/streamed'), function: 'streamed', format: 'lambda' },
        event: { source: api.post('/event'), function: 'event', format: 'cloudevents' },
      },
    })
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    const echo = await fetch(`${url}/echo/%C3%A4?q=1`, { method: 'POST', body: bytes, headers: { 'x-a': 'b' } })
    assert.deepEqual([echo.status, echo.headers.get('x-id'), echo.headers.get('x-a')], [200, 'ä', 'b'])
    assert.deepEqual(await echo.bytes(), bytes)

    const aws = (await (
      await fetch(`${url}/aws/a/b?x=1&x=2`, {
        method: 'POST',
        body: '{"a":1}',
        headers: { 'content-type': 'application/json' },
      })
    ).json()) as Record<string, unknown>
    assert.deepEqual(
      [
        aws.version,
        aws.routeKey,
        aws.rawPath,
        aws.rawQueryString,
        aws.queryStringParameters,
        aws.pathParameters,
        aws.body,
        aws.isBase64Encoded,
      ],
      ['2.0', 'POST /aws/{proxy+}', '/aws/a/b', 'x=1&x=2', { x: '1,2' }, { proxy: 'a/b' }, '{"a":1}', false],
    )

    const event = await fetch(`${url}/event`, {
      method: 'POST',
      body: '{"n":1}',
      headers: {
        'content-type': 'application/json',
        'ce-specversion': '1.0',
        'ce-id': 'e',
        'ce-source': '/s',
        'ce-type': 't',
      },
    })
    assert.deepEqual(await event.json(), { id: 'e', data: { n: 1 } })

    const large = await fetch(`${url}/web/large`)
    assert.equal((await large.bytes()).byteLength, 20_000_000)
    const cut = await fetch(`${url}/web/breaks`)
    await assert.rejects(cut.text(), 'an answer that breaks off is not taken for a whole one')

    const streamed = await fetch(`${url}/streamed`)
    assert.deepEqual(
      [streamed.status, streamed.headers.get('x-a'), streamed.headers.getSetCookie()],
      [206, 'b', ['c=1']],
    )
    assert.equal(await streamed.text(), 'one two')

    const response = await pieces(`${url}/web/ticks`)
    await until('the first piece is here while the function still runs', () => response.text().startsWith('tick 0'))
    assert.equal(app.status().mappings.find(({ name }) => name === 'web')?.running, 1)
    response.hangUp()
    await until(
      'the function was told that nobody listens',
      () => app.status().mappings.find(({ name }) => name === 'web')?.running === 0,
    )
  })

const pieces = async (url: string) => {
  const asked = request(url)
  asked.on('error', () => {})
  asked.end()
  const [response] = await once(asked, 'response')
  let text = ''
  response.on('data', (piece: Buffer) => (text += piece))
  response.on('error', () => {})
  return { text: () => text, hangUp: () => asked.destroy() }
}
