/** What holds in every isolation: the same functions run in a process, in a thread and inline. */
import assert from 'node:assert/strict'
import { channelSource, core, harness, invocation, invoked, outcomeAs } from './harness.ts'
import { everyIsolation, inEveryIsolation } from './isolations.ts'

const imports = `import { onRecord } from ${core('function/on-record.ts')}
import { onBatch } from ${core('function/on-batch.ts')}
import { NotRetryable, RetryAfter } from ${core('function/errors.ts')}
const q = ${channelSource('q')}
`

everyIsolation(
  'nothing, null and a list of failures come back as JSON carries them',
  {
    source: `export const handler = ([record]) => record.data.undefined ? undefined : record.data.answer`,
  },
  async ({ run }) => {
    const answer = async (body: string) => outcomeAs(await run('f', [body]), 'answered').value
    assert.equal(await answer('{"undefined":true}'), null)
    assert.equal(await answer('{"answer":null}'), null)
    assert.deepEqual(await answer('{"answer":{"batchItemFailures":[{"itemIdentifier":"r0"}]}}'), {
      batchItemFailures: [{ itemIdentifier: 'r0' }],
    })
  },
)

everyIsolation(
  'an answer is what JSON carries of it: a Date is text, a function is gone',
  {
    source: 'export const handler = () => ({ at: new Date(0), run: () => 1, list: [undefined] })',
  },
  async ({ run }) => {
    assert.deepEqual(outcomeAs(await run('f'), 'answered').value, { at: '1970-01-01T00:00:00.000Z', list: [null] })
  },
)

const UNSERIALISABLE: Readonly<Record<string, readonly [expression: string, says: RegExp]>> = {
  'a circular object': ['(() => { const a = { b: [{}] }; a.b[0].c = a; return a })()', /answer\.b\[0\]\.c refers back/],
  'a BigInt': ['({ items: [{ total: 1n }] })', /answer\.items\[0\]\.total is a BigInt/],
  'a function': ['() => 1', /a function is nothing that JSON can carry/],
  'not a number': ['NaN', /NaN is nothing that JSON can carry/],
  'an object whose toJSON throws': ["({ toJSON() { throw new Error('no') } })", /cannot be written as JSON.*no/],
  'a revoked proxy': [
    '(() => { const p = Proxy.revocable({}, {}); p.revoke(); return { p: p.proxy } })()',
    /cannot be written as JSON/,
  ],
}

for (const [what, [expression, says]] of Object.entries(UNSERIALISABLE))
  everyIsolation(
    `${what} is no answer, and the message says what it was`,
    { source: `export const handler = () => (${expression})` },
    async ({ run }) => {
      const { error } = outcomeAs(await run('f'), 'failed')
      assert.equal(error.code, 'FUNCTION_ANSWER_INVALID')
      assert.match(error.message, says)
    },
  )

everyIsolation(
  'an answer of 50 MB is refused with its size',
  {
    source: "export const handler = () => 'x'.repeat(50e6)",
  },
  async ({ run }) => {
    const { error } = outcomeAs(await run('f'), 'failed')
    assert.equal(error.code, 'FUNCTION_ANSWER_TOO_LARGE')
    assert.match(error.message, /50000002 bytes; expected at most 6291456/)
  },
)

const THROWN: Readonly<Record<string, readonly [statement: string, expected: object]>> = {
  'an error': [
    "throw Object.assign(new RangeError('r'), { code: 'E_R' })",
    { name: 'RangeError', message: 'r', code: 'E_R' },
  ],
  null: ['throw null', { name: 'NonError', message: 'thrown value that is not an Error: null' }],
  undefined: ['throw undefined', { name: 'NonError', message: 'thrown value that is not an Error: undefined' }],
  text: ["throw 'broken'", { name: 'NonError', message: 'thrown value that is not an Error: broken' }],
  'a frozen error': ["throw Object.freeze(new Error('f'))", { name: 'Error', message: 'f' }],
  'a getter that throws': [
    "throw Object.defineProperty(new Error('x'), 'message', { get() { throw 1 } })",
    { name: 'NonError', message: 'thrown object that cannot be read' },
  ],
  'an error that is not to be retried': [
    "throw new NotRetryable('never')",
    { name: 'NotRetryable', code: 'NOT_RETRYABLE', message: 'never', retryable: false },
  ],
  'another copy of NotRetryable': [
    "throw Object.assign(new Error('n'), { name: 'NotRetryable' })",
    { name: 'NotRetryable', message: 'n', retryable: false },
  ],
  'an error that says when': [
    "throw new RetryAfter('2m', 'busy')",
    { name: 'RetryAfter', code: 'RETRY_AFTER', message: 'busy', retryAfterMs: 120_000 },
  ],
}

for (const [what, [statement, expected]] of Object.entries(THROWN))
  everyIsolation(
    `a handler that throws ${what} has failed with it as data`,
    {
      source: `${imports}export const handler = onBatch(q, () => { ${statement} })`,
    },
    async ({ run }) => {
      const { stack: _, ...error } = outcomeAs(await run('f'), 'failed').error
      assert.deepEqual(error, expected)
    },
  )

everyIsolation(
  'a record whose body fails is refused, the others run, and a batch of only such calls nothing',
  {
    source: `import * as z from 'zod'
    ${imports}
    const strict = { ...q, schema: z.object({ items: z.array(z.object({ total: z.number() })) }) }
    let calls = 0
    export const handler = onBatch(strict, batch => ({ calls: ++calls, ids: batch.map(record => record.id) }))`.replace(
      "'zod'",
      JSON.stringify(import.meta.resolve('zod')),
    ),
  },
  async ({ run }) => {
    const good = '{"items":[{"total":1}]}'
    const bad = ['{"items":[{"total":"1"}]}', 'no json', '', new Uint8Array([0x22, 0xff, 0x22]), null]
    const mixed = outcomeAs(await run('f', [good, ...bad, good]), 'answered')
    assert.deepEqual(mixed.value, { calls: 1, ids: ['r0', 'r6'] })
    assert.deepEqual(
      mixed.refused.map(({ id, verdict, error }) => [id, verdict, error.code]),
      [
        ['r1', 'invalid', 'RECORD_INVALID'],
        ['r2', 'undecodable', 'RECORD_UNDECODABLE'],
        ['r3', 'undecodable', 'RECORD_UNDECODABLE'],
        ['r4', 'undecodable', 'RECORD_UNDECODABLE'],
        ['r5', 'invalid', 'RECORD_INVALID'],
      ],
    )
    assert.match(mixed.refused[0]?.error.message ?? '', /local\/q: items\[0\]\.total: .*expected number/)
    assert.match(mixed.refused[1]?.error.message ?? '', /the body is not JSON: Unexpected token/)
    assert.match(mixed.refused[2]?.error.message ?? '', /it is empty/)
    assert.match(mixed.refused[3]?.error.message ?? '', /not UTF-8 text \(3 bytes\)/)
    const onlyBad = outcomeAs(await run('f', bad), 'answered')
    assert.equal(onlyBad.value, null)
    assert.equal(onlyBad.refused.length, 5)
    assert.deepEqual(outcomeAs(await run('f', [good]), 'answered').value, { calls: 2, ids: ['r0'] })
  },
)

everyIsolation(
  'a record comes as it was sent: bytes, key, headers, properties, position',
  {
    source: `export const handler = batch => batch.map(({ body, data, key, headers, properties, position, ...rest }) => ({ ...rest,
    body: body && Buffer.from(body).toString('hex'), data: data instanceof Uint8Array, key: key instanceof Uint8Array ? [...key] : key,
    headers: headers.map(([name, value]) => [name, typeof value, value instanceof Date ? value.getTime() : typeof value === 'bigint' ? String(value) : value instanceof Uint8Array ? [...value] : value]),
    properties: properties?.at instanceof Date, position }))`,
  },
  async ({ engine }) => {
    const slot = await engine.acquire('f', 'm', new AbortController().signal)
    const plain = invoked(new Uint8Array([0, 255, 10]), 0)
    const full = {
      ...plain,
      record: {
        ...plain.record,
        id: 'ü-\u{1F600}',
        key: new Uint8Array([1, 2]),
        headers: [
          ['a', 1n],
          ['a', new Date(5)],
          ['b', new Uint8Array([9])],
          ['c', 'text'],
        ] as const,
        properties: { at: new Date(1) },
        position: { partition: 3, offset: '12' },
        idStrength: 'weak' as const,
        time: 17.25,
      },
      attempt: 4,
      fence: 9,
    }
    const report = await slot?.invoke(invocation([plain, full, invoked(null, 2), invoked('', 3)], { codec: 'bytes' }))
    assert.ok(report)
    const [first, second, third, fourth] = outcomeAs(report, 'answered').value as Record<string, unknown>[]
    assert.equal(first?.body, '00ff0a')
    assert.deepEqual(second, {
      id: 'ü-\u{1F600}',
      source: 'local/q',
      time: 17.25,
      attempt: 4,
      idempotencyKey: 'test.m/local/q/r0',
      fence: 9,
      body: '00ff0a',
      data: true,
      key: [1, 2],
      headers: [
        ['a', 'bigint', '1'],
        ['a', 'object', 5],
        ['b', 'object', [9]],
        ['c', 'string', 'text'],
      ],
      properties: true,
      position: { partition: 3, offset: '12' },
    })
    assert.equal(third?.body, null)
    assert.equal(third?.data, false)
    assert.equal(fourth?.body, '')
  },
)

everyIsolation(
  'a body of 10 MB arrives whole',
  {
    source: 'export const handler = ([record]) => [record.body.length, record.data.length]',
    memoryMb: 512,
  },
  async ({ run }) => {
    const body = JSON.stringify('é'.repeat(5_000_000))
    assert.deepEqual(outcomeAs(await run('f', [body]), 'answered').value, [10_000_002, 5_000_000])
  },
)

everyIsolation(
  'records of a channel the handler was not written for make it not ready',
  {
    source: `${imports}export const handler = onRecord(q, () => {})`,
  },
  async ({ run, engine }) => {
    const { error } = outcomeAs(await run('f', ['{}'], { channel: 'local/other', mapping: 'copy' }), 'not-ready')
    assert.equal(error.code, 'FUNCTION_MISMATCH')
    assert.match(error.message, /functions\.f is written for local\/q, but mapping copy reads local\/other/)
    assert.equal(engine.stats('f').environments, 1)
  },
)

everyIsolation(
  'a plain function cannot apply a schema or a codec of its own, and says so',
  {
    source: 'export const handler = () => {}',
  },
  async ({ run }) => {
    for (const change of [{ hasSchema: true }, { codec: 'custom' as const }]) {
      const { error } = outcomeAs(await run('f', ['{}'], change), 'not-ready')
      assert.equal(error.code, 'FUNCTION_MISMATCH')
      assert.match(error.message, /plain function.*onRecord/)
    }
  },
)

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
