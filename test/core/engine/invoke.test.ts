/** What a handler may do while it runs, in every isolation. */
import assert from 'node:assert/strict'
import { channelSource, core, harness, outcomeAs } from './harness.ts'
import { everyIsolation, inEveryIsolation } from './isolations.ts'

const imports = `import { onRecord } from ${core('function/on-record.ts')}
import { onBatch } from ${core('function/on-batch.ts')}
import { NotRetryable, RetryAfter } from ${core('function/errors.ts')}
const q = ${channelSource('q')}
`

everyIsolation(
  'the context has the fields of Lambda and ours',
  {
    source: `export const handler = (batch, context) => ({ ...context, remaining: context.getRemainingTimeInMillis(), aborted: context.signal.aborted, signal: 0, log: 0 })`,
    timeoutMs: 9_000,
  },
  async ({ run, engine }) => {
    const report = await run('f', ['{}'], { order: 'key' })
    const { remaining, deadline, ...seen } = outcomeAs(report, 'answered').value as Record<string, unknown>
    assert.ok(Number(remaining) > 0 && Number(remaining) <= 9_000)
    assert.ok(Number(deadline) > 1_700_000_000_000)
    assert.deepEqual(seen, {
      functionName: 'f',
      functionVersion: engine.version('f'),
      memoryLimitInMB: '256',
      awsRequestId: 'request-1',
      logGroupName: '/millrace/test/f',
      logStreamName: report.environment,
      invokedFunctionArn: 'arn:millrace:lambda:local:000000000000:function:f',
      callbackWaitsForEmptyEventLoop: true,
      mapping: 'm',
      order: 'key',
      aborted: false,
      signal: 0,
      log: 0,
    })
  },
)

everyIsolation(
  'context.log goes to the log with the function, environment and request named',
  {
    source:
      "export const handler = (batch, context) => { const a = {}; a.a = a; context.log.warn('careful', { n: 1 }); context.log.info('round', a) }",
  },
  async ({ run, lines, fields }, isolation) => {
    const report = await run('f')
    outcomeAs(report, 'answered')
    const at = lines.indexOf('warn careful')
    assert.ok(at >= 0)
    assert.deepEqual(fields[at], {
      function: 'f',
      environment: report.environment,
      mapping: 'm',
      requestId: 'request-1',
      n: 1,
    })
    if (isolation !== 'inline') assert.ok(lines.includes('info round'))
  },
)

everyIsolation(
  'context.send encodes in the environment and reaches the host once for each call',
  {
    source: `${imports}const out = { ...q, name: 'out', address: 'local/out' }
    export const handler = onBatch(q, async (batch, context) => {
      await context.send(out, [{ data: { a: 1 }, key: 'k', headers: { h: 'v', at: new Date(7) }, delayMs: 5 }, { data: [2], id: 'x', key: new Uint8Array([1]) }])
      await context.send(out, [])
      return context.send(out, [{ data: 1 }, { data: 2n }]).catch(error => ({ code: error.code, message: error.message }))
    })`,
  },
  async ({ run, sent }) => {
    const { code, message } = outcomeAs(await run('f'), 'answered').value as { code: string; message: string }
    assert.equal(code, 'SEND_INVALID')
    assert.match(message, /send to local\/out: records\[1\]\.data cannot be written as JSON/)
    const seen = sent.map(({ address, records }) => [
      address,
      records.map(({ body, ...rest }) => ({ ...rest, body: Buffer.from(body ?? []).toString() })),
    ])
    assert.deepEqual(seen, [
      [
        'local/out',
        [
          {
            body: '{"a":1}',
            key: 'k',
            headers: [
              ['h', 'v'],
              ['at', new Date(7)],
            ],
            delayMs: 5,
          },
          { body: '[2]', id: 'x', key: new Uint8Array([1]) },
        ],
      ],
    ])
  },
)

inEveryIsolation('what the host could not send comes back as an error with its code', async (context, isolation) => {
  const source = `${imports}export const handler = onBatch(q, async (batch, context) => {
      try { await context.send(q, [{ data: 1 }]) } catch (error) { return [error.name, error.code, error.message] } })`
  const host = { send: () => Promise.reject(new Error('the broker is away')) }
  const { run } = await harness(context, { f: { source, isolation } }, { host })
  const [, , message] = outcomeAs(await run('f'), 'answered').value as string[]
  assert.match(message ?? '', /the broker is away/)
})

everyIsolation(
  'the claims are lost: context.signal aborts, and nobody is charged whatever it answers',
  {
    source: `export const handler = async (batch, context) => {
    await new Promise(resolve => { context.signal.addEventListener('abort', resolve); context.log.info('waits') })
    throw new Error('not to be charged') }`,
  },
  async ({ run, lines, engine }) => {
    const lost = new AbortController()
    const running = run('f', ['{}'], { signal: lost.signal })
    while (!lines.includes('info waits')) await new Promise(resolve => setImmediate(resolve))
    lost.abort(new Error('revoked'))
    outcomeAs(await running, 'aborted')
    assert.equal(engine.stats('f').environments, 1)
    outcomeAs(await run('f', ['{}'], { signal: AbortSignal.abort() }), 'aborted')
  },
)

everyIsolation(
  'a function that ignores the abort is given up after a grace',
  {
    source: 'export const handler = (batch, context) => new Promise(() => { context.log.info("waits") })',
  },
  async ({ run, lines, engine }) => {
    const lost = new AbortController()
    const running = run('f', ['{}'], { signal: lost.signal })
    while (!lines.includes('info waits')) await new Promise(resolve => setImmediate(resolve))
    lost.abort()
    outcomeAs(await running, 'aborted')
    assert.equal(engine.stats('f').environments, 0)
  },
)

everyIsolation(
  'a timeout is reported, and the next batch has another environment',
  {
    source:
      'let busy = false; export const handler = async ([record]) => { if (record.data.wait) await new Promise(() => {}) }',
    timeoutMs: 300,
  },
  async ({ run }) => {
    const { error } = outcomeAs(await run('f', ['{"wait":true}']), 'failed')
    assert.equal(error.code, 'FUNCTION_TIMEOUT')
    outcomeAs(await run('f', ['{}']), 'answered')
  },
)

everyIsolation(
  'the shutdown of a function runs when the engine closes',
  {
    source: 'export const handler = () => {}; export const shutdown = async () => { throw new Error("seen") }',
  },
  async ({ run, engine, lines }) => {
    await run('f')
    await engine.close(10_000)
    assert.ok(lines.includes('warn functions.f: its shutdown failed: seen'), lines.join('\n'))
  },
)

inEveryIsolation('a body stays what it was while other frames come', async (context, isolation) => {
  const source = `${imports}export const handler = onBatch(q, async ([record], context) => {
      const before = Buffer.from(record.body).toString()
      for (let turn = 0; turn < 20; turn++) await context.send(q, [{ data: 1 }]).catch(() => {})
      return [before, Buffer.from(record.body).toString()]
    })`
  // A long error is a long frame: it would lie where the request has been.
  const host = { send: () => Promise.reject(new Error('z'.repeat(5_000))) }
  const { run } = await harness(context, { f: { source, isolation } }, { host })
  const body = JSON.stringify('y'.repeat(100))
  assert.deepEqual(outcomeAs(await run('f', [body]), 'answered').value, [body, body])
})

everyIsolation(
  'what is sent after the invocation is over is refused and not sent',
  {
    source: `${imports}let late
    export const handler = onBatch(q, async ([record], context) => {
      if (record.data.later) return late.then(() => 'sent', error => error.code)
      late = new Promise(resolve => setTimeout(resolve, 20)).then(() => context.send(q, [{ data: 1 }]))
      late.catch(() => {})
    })`,
  },
  async ({ run, sent }) => {
    outcomeAs(await run('f'), 'answered')
    assert.equal(outcomeAs(await run('f', ['{"later":true}']), 'answered').value, 'SEND_FAILED')
    assert.deepEqual(sent, [])
  },
)
