/** A function behind HTTP: what it is asked, over which connections, and for how long. */
import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { systemClock } from '../../../../core/clock.ts'
import type { Report } from '../../../../core/engine/contract.ts'
import { makeCertificates } from '../../../support/certificates.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { until } from '../../../support/until.ts'
import { harness, outcomeAs } from '../harness.ts'
import { endpoint, reply } from './server.ts'
import { remote, setUp } from './set-up.ts'

test('a batch is one request with the records as JSON, and what comes back is the answer', async context => {
  const { run, at } = await setUp(context, (_request, response) =>
    reply(response, 200, '{"batchItemFailures":[{"itemIdentifier":"r1"}]}'),
  )
  const report = await run('f', ['{"total":1.10}', '[2]'])
  assert.deepEqual(outcomeAs(report, 'answered').value, { batchItemFailures: [{ itemIdentifier: 'r1' }] })
  const [request] = at.received
  assert.match(request?.body ?? '', /"data":\{"total":1\.10\}/)
  const records = JSON.parse(request?.body ?? '') as readonly { id: string; data: unknown }[]
  assert.deepEqual(
    records.map(({ id, data }) => [id, data]),
    [
      ['r0', { total: 1.1 }],
      ['r1', [2]],
    ],
  )
  assert.equal(request?.headers['content-type'], 'application/json')
  assert.equal(request?.headers['x-amz-invocation-type'], 'RequestResponse')
  const told = JSON.parse(Buffer.from(String(request?.headers['x-amz-client-context']), 'base64').toString())
  assert.deepEqual(told.custom, { mapping: 'm', channel: 'local/q', order: 'none', requestId: 'request-1' })
  assert.equal(report.version, 'remote')
})

test('in format lambda the event is that of AWS, and so is what an answer means', async context => {
  const { run, at } = await setUp(context, (request, response) => {
    const [, second] = (JSON.parse(request.body) as { Records: { messageId: string }[] }).Records
    reply(response, 200, JSON.stringify({ batchItemFailures: [{ itemIdentifier: second?.messageId }] }))
  })
  const events = { format: 'lambda', place: 'rabbitmq/queue', name: 'q' } as const
  const sqs = { ...events, place: 'embedded/queue' }
  const { value } = outcomeAs(await run('f', ['{}', '{}'], { events: sqs }), 'answered')
  assert.deepEqual(value, { batchItemFailures: [{ itemIdentifier: 'r1' }] })
  assert.match(at.received[0]?.body ?? '', /"eventSource":"aws:sqs"/)
})

test('a body that is not what its channel says is refused and not sent; where all are, nothing is', async context => {
  const { run, at } = await setUp(context, (_request, response) => reply(response, 200))
  const some = outcomeAs(await run('f', ['{', '{}']), 'answered')
  assert.deepEqual(
    some.refused.map(({ id, verdict }) => [id, verdict]),
    [['r0', 'undecodable']],
  )
  const all = outcomeAs(await run('f', ['{']), 'answered')
  assert.equal(all.refused.length, 1)
  assert.equal(at.received.length, 1)
})

test('what the function printed is in the report and in the log, where the endpoint tells it', async context => {
  const tail = Buffer.from('START\nhello\nEND\n').toString('base64')
  const { run, lines } = await setUp(context, (_request, response) =>
    reply(response, 200, '', { 'X-Amz-Log-Result': tail }),
  )
  assert.deepEqual((await run('f')).logs, ['START', 'hello', 'END'])
  assert.ok(lines.includes('info hello'))
})

test('a function that does not answer in time has failed, and its environment is used again', async context => {
  let slow = true
  const { run, engine } = await setUp(context, (_request, response) => slow || reply(response, 200), { timeoutMs: 300 })
  const late = outcomeAs(await run('f'), 'failed')
  assert.equal(late.error.code, 'FUNCTION_TIMEOUT')
  assert.match(late.error.message, /not done after its timeout of 300 ms; its answer is not waited for any longer/)
  slow = false
  const next = await run('f')
  assert.equal(outcomeAs(next, 'answered').value, null)
  assert.equal(next.cold, false)
  assert.equal(engine.stats('f').coldStarts, 1)
})

test('where nobody listens the function is not ready, and nobody is charged', async context => {
  const unused = createServer()
  await new Promise<void>(resolve => unused.listen(0, '127.0.0.1', resolve))
  const { port } = unused.address() as AddressInfo
  await new Promise(resolve => unused.close(resolve))
  const { run } = await harness(context, {
    f: remote(`http://127.0.0.1:${port}/x?token=secret`),
    name: remote('http://no-such-host.invalid/'),
  })
  const refusedBy = outcomeAs(await run('f'), 'not-ready').error
  assert.match(refusedBy.message, /functions\.f: http:\/\/127\.0\.0\.1:\d+\/x cannot be reached: .*ECONNREFUSED/)
  assert.ok(!refusedBy.message.includes('secret'))
  assert.match(outcomeAs(await run('name'), 'not-ready').error.message, /cannot be reached/)
})

test('a connection that is not made in time is given up', async context => {
  // Takes connections and never says a word of TLS.
  const mute = createServer()
  await new Promise<void>(resolve => mute.listen(0, '127.0.0.1', resolve))
  context.after(() => mute.close())
  const { port } = mute.address() as AddressInfo
  const { run } = await harness(context, { f: { ...remote(`https://127.0.0.1:${port}/`), initTimeoutMs: 200 } })
  const { error } = outcomeAs(await run('f'), 'not-ready')
  assert.match(error.message, /cannot be reached: no connection within 200 ms \(initTimeout\)/)
})

test('connections are kept and used one request at a time, no more of them than environments', async context => {
  const { engine, at, run } = await setUp(
    context,
    async (_request, response) => {
      await new Promise(resolve => systemClock.after(20, () => resolve(undefined)))
      reply(response, 200)
    },
    { maxEnvironments: 3 },
  )
  const reports: Promise<Report>[] = []
  for (let index = 0; index < 30; index += 1) reports.push(run('f'))
  await Promise.all(reports)
  assert.equal(at.most(), 3)
  assert.equal(new Set(at.received.map(({ connection }) => connection)).size, 3)
  assert.equal(engine.stats('f').coldStarts, 3)
})

test('a kept connection that the other side ended costs nothing: the request goes over a new one', async context => {
  const { run, at } = await setUp(context, (_request, response) => reply(response, 200))
  for (let index = 0; index < 20; index += 1) {
    outcomeAs(await run('f'), 'answered')
    at.server.closeIdleConnections()
  }
  assert.equal(at.received.length, 20)
})

test('an invocation whose claims are lost is given up at once', async context => {
  const { run, at } = await setUp(context, () => undefined)
  const abort = new AbortController()
  const running = run('f', ['{}'], { signal: abort.signal })
  await until('the request is there', () => at.received.length === 1)
  abort.abort()
  outcomeAs(await running, 'aborted')
})

test('closing lets a request finish within the grace, and gives it up after it', async context => {
  let answer = (): void => {}
  const { run, engine, at } = await setUp(context, (_request, response) => {
    answer = () => reply(response, 200)
  })
  const running = run('f')
  await until('the request is there', () => at.received.length === 1)
  const closing = engine.close(20_000)
  answer()
  outcomeAs(await running, 'answered')
  await closing
  const other = await setUp(context, () => undefined)
  const endless = other.run('f')
  await until('the request is there', () => other.at.received.length === 1)
  await other.engine.close(50)
  outcomeAs(await endless, 'aborted')
})

test('over TLS the other side must be who it says, and is told who we are', async context => {
  const certificates = await makeCertificates(await temporaryFolder(context))
  const { ca, server, client } = certificates
  const at = await endpoint(context, (_request, response) => reply(response, 200), {
    tls: { key: server.key, cert: server.cert, ca, requestCert: true },
    host: 'localhost',
  })
  const { run } = await harness(context, {
    trusting: remote(at.url, { tls: { ca, cert: client.cert, key: client.key } }),
    unknown: remote(at.url, { tls: { cert: client.cert, key: client.key } }),
    nobody: remote(at.url, { tls: { ca } }),
  })
  outcomeAs(await run('trusting'), 'answered')
  assert.match(
    outcomeAs(await run('unknown'), 'not-ready').error.message,
    /cannot be reached: .*(?:self-signed|unable to)/,
  )
  assert.notEqual((await run('nobody')).outcome.kind, 'answered')
  assert.equal(at.received.length, 1)
})

test('a header or certificate that cannot be sent leaves the function not ready, and does not show it', async context => {
  const at = await endpoint(context, (_request, response) => reply(response, 200))
  const { run } = await harness(context, {
    header: remote(at.url, { headers: { authorization: 'canary\r\nx: y' } }),
    tls: remote(at.url.replace('http:', 'https:'), { tls: { ca: 'canary', cert: 'canary', key: 'canary' } }),
  })
  for (const name of ['header', 'tls']) {
    const { error } = outcomeAs(await run(name), 'not-ready')
    assert.match(error.message, /cannot be reached/)
    assert.ok(!error.message.includes('canary'), error.message)
  }
})

test('headers are sent with every request, and a channel with a schema is not for a function that cannot apply it', async context => {
  const at = await endpoint(context, (_request, response) => reply(response, 200))
  const { run } = await harness(context, { f: remote(at.url, { headers: { authorization: 'Bearer canary' } }) })
  outcomeAs(await run('f'), 'answered')
  assert.equal(at.received[0]?.headers.authorization, 'Bearer canary')
  const { error } = outcomeAs(await run('f', ['{}'], { hasSchema: true }), 'not-ready')
  assert.match(error.message, /functions\.f does not run in Node/)
})
