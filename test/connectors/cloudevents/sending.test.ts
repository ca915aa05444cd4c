/** What a receiver gets, over HTTP on loopback, and what becomes of records it does not take. */
import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { cloudEvents } from '../../../connectors/cloudevents/channel.ts'
import { embedded } from '../../../connectors/embedded/channel.ts'
import { createApp } from '../../../core/app.ts'
import type { MillraceError } from '../../../core/errors.ts'
import { NotRetryable } from '../../../core/function/errors.ts'
import { onRecord } from '../../../core/function/on-record.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'

interface Got {
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Answers with the next status, 202 after the last one; 0: never. */
const openReceiver = async (context: TestContext, ...statuses: number[]) => {
  const got: Got[] = []
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray())
    got.push({ headers: request.headers, body })
    const status = statuses.shift() ?? 202
    if (status !== 0) response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end('thanks')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { got, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in` }
}

const openApp = async (context: TestContext, url: string) => {
  const crm = cloudEvents('crm', { url, headers: { authorization: 'Bearer t' }, timeout: '500ms' })
  const paid = crm.event('com.example.paid', { source: '/shop' })
  const local = embedded()
  const orders = local.queue('orders')
  const app = createApp({
    name: 'shop',
    stateDir: await temporaryFolder(context),
    channels: [paid],
    mappings: {
      charge: {
        source: orders,
        function: onRecord(orders, () => {
          throw new NotRetryable('no such customer')
        }),
        deadLetters: { to: crm.event('com.example.failed', { codec: 'bytes' }) },
      },
    },
  })
  context.after(() => app.stop())
  return { app, paid, orders }
}

const attributes = ({ headers }: Got) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => /^ce-|^content-type$|^authorization$/.test(name)))

test('a record is a CloudEvent in binary mode: its bytes, its headers, its key, and what the channel says', async context => {
  const { got, url } = await openReceiver(context)
  const { app } = await openApp(context, url)
  const body = Uint8Array.from([0, 0xff, 0x7b])
  const outcomes = await app.sendOutgoing('crm/com.example.paid', [
    {
      id: 'a 1',
      key: 'Ünal "x" 100%',
      time: 1_700_000_000_000,
      body,
      headers: [
        ['x-trace', 'a\r\nb'],
        ['ce_subject', 'x/1'],
        ['ce_type', 'theirs'],
        ['Content-Type', 'image/png'],
        ['Transfer-Encoding', 'chunked'],
        ['not a header', '1'],
        ['n', 5n],
      ],
    },
    { body: null },
  ])
  assert.deepEqual(outcomes, [null, null])
  const [first, second] = got as [Got, Got]
  assert.deepEqual(attributes(first), {
    authorization: 'Bearer t',
    'content-type': 'image/png',
    'ce-specversion': '1.0',
    'ce-id': 'a%201',
    'ce-type': 'com.example.paid',
    'ce-source': '/shop',
    'ce-time': '2023-11-14T22:13:20.000Z',
    'ce-subject': 'x/1',
    'ce-partitionkey': '%C3%9Cnal%20%22x%22%20100%25',
  })
  assert.deepEqual(first.body, Buffer.from(body))
  assert.deepEqual([first.headers['x-trace'], first.headers.n], ['a%0D%0Ab', '5'])
  assert.equal(first.headers['transfer-encoding'], undefined)
  assert.equal(second.body.byteLength, 0)
  assert.equal(second.headers['content-type'], undefined)
  assert.match(String(second.headers['ce-id']), /^[0-9a-f-]{36}$/)
})

for (const [what, statuses, expected, requests] of [
  ['says that an event is wrong', [400, 202], ['the receiver answered 400', null], 2],
  ['says that it is overloaded', [429], ['the receiver answered 429', 'the receiver answered 429'], 1],
  ['fails', [500], ['the receiver answered 500', 'the receiver answered 500'], 1],
  ['points elsewhere', [302, 202], ['the receiver answered 302', null], 2],
  ['does not answer', [0], ['no answer within 500 ms', 'no answer within 500 ms'], 1],
] as const)
  test(`a receiver that ${what}: each record has its answer`, async context => {
    const { got, url } = await openReceiver(context, ...statuses)
    const { app } = await openApp(context, url)
    const outcomes = await app.sendOutgoing('crm/com.example.paid', [{ body: null }, { body: null }])
    for (const [index, outcome] of outcomes.entries()) {
      const wanted = expected[index]
      if (wanted === null || wanted === undefined) assert.equal(outcome, null)
      else {
        assert.equal(outcome?.code, 'SEND_FAILED')
        assert.ok(outcome?.message.includes(wanted), outcome?.message)
      }
    }
    assert.equal(got.length, requests)
  })

test('a receiver that is not there is said to be, and nothing of the address that may be a secret', async context => {
  const { app } = await openApp(context, 'http://127.0.0.1:9/?token=hush')
  const [outcome] = await app.sendOutgoing('crm/com.example.paid', [{ body: null }])
  assert.match(outcome?.message ?? '', /cannot be reached: .*; check url/)
  assert.doesNotMatch(JSON.stringify(outcome), /hush/)
})

test('a dead letter is posted with its story, and settled only once the receiver has it', async context => {
  const { got, url } = await openReceiver(context, 503)
  const { app, orders } = await openApp(context, url)
  await app.start()
  await app.send(orders, [{ key: 'k', data: { id: 'o-1' } }])
  await until('the receiver has refused it once, and then taken it', () => got.length === 2)
  const [, taken] = got as [Got, Got]
  assert.deepEqual(taken.body, Buffer.from('{"id":"o-1"}'))
  assert.equal(taken.headers['ce-type'], 'com.example.failed')
  assert.equal(taken.headers['content-type'], 'application/octet-stream')
  assert.equal(taken.headers['millrace-dead-mapping'], 'charge')
  assert.equal(taken.headers['millrace-dead-error-message'], 'no%20such%20customer')
  await until('it is parked', async () => (await app.deadLetters.list()).length === 1)
})

test('what is wrong with a receiver is said: a URL that is none, and that nothing is read from it', async context => {
  const { app } = await openApp(context, 'ftp://example.org')
  await assert.rejects(app.sendOutgoing('crm/com.example.paid', [{ body: null }]), (error: MillraceError) => {
    assert.match(error.message, /connections\.crm\.url must be an http or https URL/)
    return true
  })
})
