/** What a program gets, and what its answers mean. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InvokedRecord } from '../../../../core/engine/contract.ts'
import { invocation, invoked, outcomeAs } from '../harness.ts'
import { programs } from './programs.ts'

test('a program gets the records as JSON, with bodies decoded by the codec and numbers as they were written', async context => {
  const { run } = await programs(context, {
    f: { source: 'await serve((event, request) => ({ text: request.text }))' },
  })
  const bodies = ['{"id":9007199254740993}', '"two"', null]
  const { value } = outcomeAs(await run('f', bodies), 'answered')
  const { text } = value as { text: string }
  assert.match(text, /"data":\{"id":9007199254740993\}/)
  assert.deepEqual(JSON.parse(text).slice(1), [
    {
      id: 'r1',
      source: 'local/q',
      time: 1_700_000_000_001,
      key: null,
      headers: [],
      attempt: 1,
      idempotencyKey: 'test.m/local/q/r1',
      fence: 1,
      data: 'two',
    },
    {
      id: 'r2',
      source: 'local/q',
      time: 1_700_000_000_002,
      key: null,
      headers: [],
      attempt: 1,
      idempotencyKey: 'test.m/local/q/r2',
      fence: 1,
      data: null,
    },
  ])
})

test('what an answer says of failures, an error with its stack, and an answer of nothing reach the flow', async context => {
  const { run } = await programs(context, {
    f: {
      source: `await serve(([{ data }]) => {
        if (data === 'nothing') return undefined
        if (data === 'failures') return { batchItemFailures: [{ itemIdentifier: 'r0' }] }
        if (data === 'never') throw Object.assign(new Error('no rate'), { name: 'NotRetryable' })
        if (data === 'later') throw Object.assign(new Error('busy'), { name: 'RetryAfter', retryAfterMs: 700 })
        throw new RangeError('too much')
      })`,
    },
  })
  assert.equal(outcomeAs(await run('f', ['"nothing"']), 'answered').value, null)
  assert.deepEqual(outcomeAs(await run('f', ['"failures"']), 'answered').value, {
    batchItemFailures: [{ itemIdentifier: 'r0' }],
  })
  const { error } = outcomeAs(await run('f', ['"other"']), 'failed')
  assert.equal(error.name, 'RangeError')
  assert.equal(error.message, 'too much')
  assert.match(error.stack ?? '', /RangeError: too much\n.*main\.mjs/)
  const never = outcomeAs(await run('f', ['"never"']), 'failed').error
  assert.deepEqual([never.name, never.message, never.retryable], ['NotRetryable', 'no rate', false])
  const later = outcomeAs(await run('f', ['"later"']), 'failed').error
  assert.deepEqual([later.name, later.retryAfterMs], ['RetryAfter', 700])
})

test('a program stays warm, takes one request at a time, and many run at once', async context => {
  const { run, engine } = await programs(context, {
    f: {
      maxEnvironments: 3,
      source: `await serve(async ([{ data }]) => { await new Promise(r => setTimeout(r, data)); return process.pid })`,
    },
  })
  const pidOf = (report: Awaited<ReturnType<typeof run>>) => outcomeAs(report, 'answered').value
  const first = await run('f', ['1'])
  const second = await run('f', ['1'])
  assert.equal(pidOf(second), pidOf(first))
  assert.deepEqual([first.cold, second.cold], [true, false])
  assert.ok((first.initMs ?? 0) > 0)
  const three = await Promise.all([run('f', ['300']), run('f', ['300']), run('f', ['300'])])
  assert.equal(new Set(three.map(pidOf)).size, 3)
  assert.equal(engine.stats('f').environments, 3)
})

test('headers and variables are those of Lambda, and hardly any other', async context => {
  const { run, engine, folder } = await programs(context, {
    f: {
      timeoutMs: 9_000,
      env: { OWN: 'yes', AWS_REGION: 'eu-north-1' },
      source: `await serve((event, { headers }) => ({ env: process.env, cwd: process.cwd(), headers: [...headers].filter(([name]) => name.startsWith('lambda') || name === 'content-type') }))`,
    },
  })
  const before = Date.now()
  const report = await run('f', ['{}'], { mapping: 'kopieren', channel: 'local/größe', requestId: 'request-7' })
  const { env, cwd, headers } = outcomeAs(report, 'answered').value as {
    env: Record<string, string>
    cwd: string
    headers: [string, string][]
  }
  const {
    'lambda-runtime-deadline-ms': deadline,
    'lambda-runtime-trace-id': trace,
    ...rest
  } = Object.fromEntries(headers)
  assert.ok(Number(deadline) >= before + 9_000 && Number(deadline) <= Date.now() + 9_000)
  assert.match(trace ?? '', /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$/)
  assert.deepEqual(rest, {
    'content-type': 'application/json',
    'lambda-runtime-aws-request-id': 'request-7',
    'lambda-runtime-client-context':
      '{"custom":{"mapping":"kopieren","channel":"local/gr\\u00f6\\u00dfe","order":"none"}}',
    'lambda-runtime-invoked-function-arn': 'arn:millrace:lambda:local:000000000000:function:f',
  })
  const { PATH, TZ, LANG, NODE_ENV, TMPDIR, AWS_LAMBDA_RUNTIME_API, ...variables } = env
  assert.match(TMPDIR ?? '', /\/tmp$/)
  assert.equal(PATH, process.env.PATH)
  assert.match(AWS_LAMBDA_RUNTIME_API ?? '', /^127\.0\.0\.1:\d+$/)
  assert.deepEqual(variables, {
    AWS_REGION: 'eu-north-1',
    AWS_DEFAULT_REGION: 'local',
    AWS_LAMBDA_FUNCTION_NAME: 'f',
    AWS_LAMBDA_FUNCTION_VERSION: engine.version('f'),
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
    AWS_LAMBDA_LOG_GROUP_NAME: '/millrace/test/f',
    AWS_LAMBDA_LOG_STREAM_NAME: report.environment,
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    LAMBDA_TASK_ROOT: `${folder}/f`,
    LAMBDA_RUNTIME_DIR: `${folder}/f`,
    _HANDLER: 'main.handler',
    OWN: 'yes',
  })
  assert.equal(cwd, `${folder}/f`)
})

test('bytes and codecs of a channel of its own go as base64, and what is no JSON is refused before it is called', async context => {
  const { run } = await programs(context, {
    f: { source: 'await serve(event => event.map(({ body, data }) => body ?? data))' },
  })
  const bytes = new Uint8Array([0, 255, 10])
  assert.deepEqual(outcomeAs(await run('f', [bytes, null], { codec: 'bytes' }), 'answered').value, ['AP8K', null])
  assert.deepEqual(outcomeAs(await run('f', [bytes], { codec: 'custom' }), 'answered').value, ['AP8K'])
  assert.deepEqual(outcomeAs(await run('f', ['héllo "you"'], { codec: 'text' }), 'answered').value, ['héllo "you"'])
  const some = outcomeAs(await run('f', ['{oops', '[1]', '']), 'answered')
  assert.deepEqual(some.value, [[1]])
  assert.deepEqual(
    some.refused.map(({ id, verdict }) => [id, verdict]),
    [
      ['r0', 'undecodable'],
      ['r2', 'undecodable'],
    ],
  )
  const none = outcomeAs(await run('f', ['{oops']), 'answered')
  assert.deepEqual([none.value, none.refused.length], [null, 1])
})

const KAFKA = { format: 'lambda', place: 'kafka/topic', name: 'orders', servers: 'localhost:9092' } as const

const kafkaRecord = (partition: number, offset: number, body: string): InvokedRecord => {
  const { record, ...rest } = invoked(body, offset)
  return {
    ...rest,
    record: { ...record, id: `orders/${partition}/${offset}`, position: { topic: 'orders', partition, offset } },
  }
}

test('in format lambda a program gets the event of AWS for Kafka and answers with its identifiers', async context => {
  const { engine } = await programs(context, {
    f: {
      source: `await serve(({ eventSource, records }) => {
        const all = Object.entries(records).flatMap(([partition, list]) => list.map(record => ({ ...record, partition })))
        console.log(eventSource, Object.keys(records).join())
        const failed = all.filter(({ value }) => JSON.parse(Buffer.from(value, 'base64')).fails)
        return { batchItemFailures: failed.map(({ partition, offset }) => ({ itemIdentifier: { partition, offset } })) }
      })`,
    },
  })
  const invoke = async (records: readonly InvokedRecord[]) => {
    const slot = await engine.acquire('f', 'm', new AbortController().signal)
    if (!slot) throw new Error('no slot')
    return slot.invoke(invocation(records, { events: KAFKA }))
  }
  const report = await invoke([
    kafkaRecord(0, 7, '{}'),
    kafkaRecord(1, 7, '{"fails":true}'),
    kafkaRecord(0, 8, '{"fails":true}'),
  ])
  assert.deepEqual(report.logs, ['SelfManagedKafka orders-0,orders-1'])
  assert.deepEqual(outcomeAs(report, 'answered').value, {
    batchItemFailures: [{ itemIdentifier: 'orders/0/8' }, { itemIdentifier: 'orders/1/7' }],
  })
})

test('an identifier that is not in the event fails the whole batch', async context => {
  const { run } = await programs(context, {
    f: { source: "await serve(() => ({ batchItemFailures: [{ itemIdentifier: 'r9' }] }))" },
  })
  const { error } = outcomeAs(await run('f', ['{}'], { events: KAFKA }), 'failed')
  assert.equal(error.code, 'FUNCTION_ANSWER_INVALID')
  assert.match(error.message, /batchItemFailures\[0\]/)
})

test('a request may have any id, and a body any depth', async context => {
  const { run } = await programs(context, { f: { source: 'await serve(event => JSON.stringify(event).length > 0)' } })
  const odd = 'größe/../?#\n "%2F'
  assert.equal(outcomeAs(await run('f', ['{}'], { requestId: odd }), 'answered').value, true)
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  const cloudEvents = { format: 'cloudevents', place: 'embedded/queue', name: 'q' } as const
  const { error } = outcomeAs(await run('f', [deep], { events: cloudEvents }), 'failed')
  assert.match(error.message, /the event cannot be written as JSON/)
  assert.equal(outcomeAs(await run('f', ['{}'], { events: cloudEvents }), 'answered').value, true)
})

test('a streamed answer counts as a whole, an error behind it fails the batch', async context => {
  const { run } = await programs(context, {
    f: {
      source: `import { request } from 'node:http'
      const stream = (id, contentType, chunks, trailers = {}) => new Promise((resolve, reject) => {
        const post = request(base + '/invocation/' + id + '/response', { method: 'POST', headers: {
          'Content-Type': contentType, 'Lambda-Runtime-Function-Response-Mode': 'streaming', 'Transfer-Encoding': 'chunked',
          Trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body' } }, answer => { answer.resume(); answer.on('end', resolve) })
        post.on('error', reject)
        for (const chunk of chunks) post.write(chunk)
        post.addTrailers(trailers)
        post.end()
      })
      for (;;) {
        const { id, event } = await next()
        const [{ data }] = event
        if (data === 'json') await stream(id, 'application/json', ['{"batchItem', 'Failures":[]}'])
        if (data === 'http') await stream(id, 'application/vnd.awslambda.http-integration-response', ['{"statusCode":201}', Buffer.alloc(8), 'made'])
        if (data === 'fail') await stream(id, 'application/json', ['{"half'], { 'Lambda-Runtime-Function-Error-Type': 'Function.Broke', 'Lambda-Runtime-Function-Error-Body': Buffer.from('{"errorType":"Broke","errorMessage":"half way"}').toString('base64') })
      }`,
    },
  })
  assert.deepEqual(outcomeAs(await run('f', ['"json"']), 'answered').value, { batchItemFailures: [] })
  assert.deepEqual(outcomeAs(await run('f', ['"http"']), 'answered').value, {
    statusCode: 201,
    body: 'made',
    isBase64Encoded: false,
  })
  const { error } = outcomeAs(await run('f', ['"fail"']), 'failed')
  assert.deepEqual([error.name, error.message], ['Broke', 'half way'])
})

test('a channel with a schema is not for a program, and says what to do', async context => {
  const { run } = await programs(context, { f: { source: 'await serve(() => null)' } })
  const { error } = outcomeAs(await run('f', ['{}'], { hasSchema: true }), 'not-ready')
  assert.equal(error.code, 'FUNCTION_MISMATCH')
  assert.match(error.message, /functions\.f does not run in Node, but local\/q has a schema.*declared without a schema/)
})
