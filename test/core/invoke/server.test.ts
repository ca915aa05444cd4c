import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createApp } from '../../../core/app.ts'
import type { App } from '../../../core/app-contract.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'

const SOURCE = `
import { appendFileSync } from 'node:fs'
export const handler = async (event, context) => {
  const { act } = event ?? {}
  if (act === 'throw') throw new RangeError('too much')
  if (act === 'hang') { appendFileSync(event.file, 'began'); await new Promise(resolve => context.signal.addEventListener('abort', resolve)); appendFileSync(event.file, ', aborted') }
  if (act === 'loop') for (;;) {}
  if (act === 'exit') process.exit(3)
  if (act === 'wait') { appendFileSync(event.file, 'began'); await new Promise(resolve => setTimeout(resolve, 400)) }
  if (act === 'append') { appendFileSync(event.file, context.awsRequestId); return }
  if (act === 'log') for (let i = 0; i < 100; i++) console.log('line', i, 'x'.repeat(60))
  return { event, id: context.awsRequestId, arn: context.invokedFunctionArn }
}`

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: Record<string, unknown>
}

interface Running {
  readonly app: App
  readonly url: string
  readonly folder: string
  call(name: string, body?: string, headers?: Record<string, string>): Promise<Answer>
}

const running = async (context: TestContext): Promise<Running> => {
  const folder = await temporaryFolder(context)
  await writeFile(join(folder, 'echo.ts'), SOURCE)
  const echo = { file: './echo.ts', timeout: '20s' }
  const app = createApp(
    {
      name: 'shop',
      invoke: { port: 0 },
      functions: {
        echo,
        brief: { ...echo, timeout: '700ms' },
        single: { ...echo, maxEnvironments: 1 },
        later: { ...echo, async: true },
        broken: { file: './broken.ts' },
      },
      mappings: {},
    },
    { configFile: join(await brokenIn(folder), 'millrace.config.js') },
  )
  context.after(() => app.stop())
  await app.start()
  const url = app.status().invokeUrl ?? ''
  const call: Running['call'] = async (name, body, headers = {}) => {
    const answer = await fetch(`${url}/2015-03-31/functions/${name}/invocations`, {
      method: 'POST',
      headers,
      ...(body === undefined ? {} : { body }),
    })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, text, json: text === '' ? {} : JSON.parse(text) }
  }
  return { app, url, folder, call }
}

const brokenIn = async (folder: string): Promise<string> => {
  await writeFile(join(folder, 'broken.ts'), "throw new Error('no database')")
  return folder
}

const refused = ({ status, headers, json }: Answer): readonly unknown[] => [
  status,
  headers.get('x-amzn-errortype'),
  json.message,
]

test('a function is called as by an SDK of AWS, and answers with its version', async context => {
  const { app, call } = await running(context)
  const { status, headers, json } = await call('echo', '{"sku":"a"}', { 'Content-Type': 'application/json' })
  assert.equal(status, 200)
  assert.deepEqual(json.event, { sku: 'a' })
  assert.equal(json.id, headers.get('x-amzn-requestid'))
  assert.equal(
    headers.get('x-amz-executed-version'),
    app.status().functions.find(({ name }) => name === 'echo')?.version,
  )
  assert.equal(headers.get('x-amz-function-error'), null)
  assert.equal(headers.get('x-amz-log-result'), null)
  // Whoever gives no event gives an empty one.
  assert.deepEqual((await call('echo')).json.event, {})
  assert.deepEqual((await call('echo', '[1]', { 'X-Amz-Invocation-Type': 'RequestResponse' })).json.event, [1])
  assert.equal((await call('echo', '"text"', { 'Content-Type': 'text/plain' })).json.event, 'text')
})

test('a function is named as AWS names it, in part or whole, with a qualifier or without', async context => {
  const { call, url } = await running(context)
  for (const name of [
    'echo:$LATEST',
    '000000000000:function:echo',
    'arn:aws:lambda:eu-west-1:000000000000:function:echo',
    encodeURIComponent('arn:aws:lambda:eu-west-1:000000000000:function:echo:$LATEST'),
  ])
    assert.equal((await call(name, '{}')).status, 200, name)
  const byQuery = await fetch(`${url}/2015-03-31/functions/echo/invocations?Qualifier=$LATEST`, { method: 'POST' })
  assert.equal(byQuery.status, 200)
  const gone = (name: string) => [
    404,
    'ResourceNotFoundException',
    `Function not found: arn:millrace:lambda:local:000000000000:function:${name}`,
  ]
  assert.deepEqual(refused(await call('nope', '{}')), gone('nope'))
  assert.deepEqual(refused(await call('echo:7', '{}')), gone('echo:7'))
  // It has no version beside the other.
  for (const type of ['RequestResponse', 'DryRun', 'Event'])
    assert.equal((await call('echo:canary', '{}', { 'X-Amz-Invocation-Type': type })).status, 404, type)
  assert.deepEqual(refused(await call('echo:canary', '{}')), gone('echo:canary'))
})

test('what a function does wrong is status 200 and said in a header, with what AWS calls it', async context => {
  const { call } = await running(context)
  const failed = async (name: string, act: string) => {
    const { status, headers, json } = await call(name, JSON.stringify({ act }))
    assert.deepEqual([status, headers.get('x-amz-function-error')], [200, 'Unhandled'])
    return json
  }
  const thrown = await failed('echo', 'throw')
  assert.deepEqual([thrown.errorType, thrown.errorMessage], ['RangeError', 'too much'])
  assert.match(String((thrown.trace as string[])[0]), /RangeError: too much/)
  const loop = await failed('brief', 'loop')
  assert.equal(loop.errorType, 'Sandbox.Timedout')
  assert.match(String(loop.errorMessage), /timeout of 700 ms/)
  assert.equal((await failed('echo', 'exit')).errorType, 'Runtime.ExitError')
  assert.match(String((await failed('broken', '')).errorMessage), /no database/)
})

test('the log comes with the answer where it is asked for: its last 4 KB', async context => {
  const { call } = await running(context)
  const { headers } = await call('echo', '{"act":"log"}', { 'X-Amz-Log-Type': 'Tail' })
  const log = Buffer.from(headers.get('x-amz-log-result') ?? '', 'base64').toString()
  assert.equal(log.length, 4_096)
  assert.match(log, /line 99 x+\nEND RequestId: [\w-]+\nREPORT RequestId: [\w-]+\tDuration: [\d.]+ ms\t.*\n$/)
})

test('a dry run calls nothing', async context => {
  const { app, call } = await running(context)
  const dry = { 'X-Amz-Invocation-Type': 'DryRun' }
  assert.equal((await call('echo', '{"act":"exit"}', dry)).status, 204)
  assert.equal((await call('nope', '{}', dry)).status, 404)
  assert.equal(app.status().functions.find(({ name }) => name === 'echo')?.invocations, 0)
})

test('what cannot be taken is refused with the words of AWS', async context => {
  const { call, url } = await running(context)
  assert.deepEqual(refused(await call('echo', '{half')).slice(0, 2), [400, 'InvalidRequestContentException'])
  const large = `"${'x'.repeat(6 * 1_048_576)}"`
  assert.deepEqual(refused(await call('echo', large)), [
    413,
    'RequestTooLargeException',
    'Request must be smaller than 6291456 bytes for the InvokeFunction operation',
  ])
  assert.deepEqual(refused(await call('echo', '{}', { 'X-Amz-Invocation-Type': 'Later' })), [
    400,
    'ValidationException',
    "1 validation error detected: Value 'Later' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [RequestResponse, Event, DryRun]",
  ])
  assert.deepEqual(refused(await call('echo', '{}', { 'X-Amz-Log-Type': 'All' })).slice(0, 2), [
    400,
    'ValidationException',
  ])
  for (const path of ['/', '/2015-03-31/functions', '/2015-03-31/functions/echo/invocations/more']) {
    const answer = await fetch(url + path, { method: 'POST' })
    assert.deepEqual([answer.status, answer.headers.get('x-amzn-errortype')], [404, 'UnknownOperationException'], path)
  }
})

test('a page in a browser cannot call functions', async context => {
  const { app, url } = await running(context)
  const answer = await fetch(`${url}/2015-03-31/functions/echo/invocations`, {
    method: 'POST',
    headers: { Origin: 'http://elsewhere.example' },
    body: '{}',
  })
  assert.equal(answer.status, 403)
  assert.equal(app.status().functions.find(({ name }) => name === 'echo')?.invocations, 0)
})

test('who finds all environments busy is told to come again', async context => {
  const { call, folder } = await running(context)
  const file = join(folder, 'seen')
  const first = call('single', JSON.stringify({ act: 'wait', file }))
  await until('the first runs', () => existsSync(file))
  const second = await call('single', '{}')
  assert.deepEqual(refused(second).slice(0, 2), [429, 'TooManyRequestsException'])
  assert.equal(second.json.Reason, 'ReservedFunctionConcurrentInvocationLimitExceeded')
  assert.equal(second.headers.get('retry-after'), '1')
  assert.equal((await first).status, 200)
})

test('an event that nobody waits for is durable before it is confirmed, and runs later', async context => {
  const { call, folder } = await running(context)
  const event = { 'X-Amz-Invocation-Type': 'Event' }
  const file = join(folder, 'seen')
  const { status, text, headers } = await call('later', JSON.stringify({ act: 'append', file }), event)
  assert.deepEqual([status, text], [202, ''])
  await until('it ran', () => existsSync(file))
  assert.match(headers.get('x-amzn-requestid') ?? '', /^[\w-]{36}$/)
  assert.deepEqual(refused(await call('echo', '{}', event)), [
    400,
    'InvalidParameterValueException',
    'functions.echo cannot be invoked asynchronously; give it async: true',
  ])
  assert.deepEqual(refused(await call('later', '{half', event)).slice(0, 2), [400, 'InvalidRequestContentException'])
  assert.equal((await call('later', `"${'x'.repeat(1_048_576)}"`, event)).status, 413)
  assert.equal((await call('nope', '{}', event)).status, 404)
})

test('a caller who hangs up aborts the function', async context => {
  const { url, folder } = await running(context)
  const file = join(folder, 'seen')
  const call = request(`${url}/2015-03-31/functions/echo/invocations`, { method: 'POST' })
  call.on('error', () => {})
  call.end(JSON.stringify({ act: 'hang', file }))
  await until('it runs', () => existsSync(file))
  call.destroy()
  await until('it was aborted', () => readFileSync(file, 'utf8') === 'began, aborted')
})

test('an app that stops answers what runs, and takes no further calls', async context => {
  const { app, call, folder } = await running(context)
  const file = join(folder, 'seen')
  const last = call('echo', JSON.stringify({ act: 'wait', file }))
  await until('it runs', () => existsSync(file))
  await app.stop()
  assert.equal((await last).status, 200)
  await assert.rejects(call('echo', '{}'))
})

test('a port that somebody has is an error that says so, and without the option there is no port', async context => {
  const { url } = await running(context)
  const port = Number(new URL(url).port)
  const stateDir = await temporaryFolder(context)
  const other = createApp({ name: 'other', stateDir, invoke: { port }, mappings: {} })
  context.after(() => other.stop())
  await assert.rejects(other.start(), {
    code: 'LISTEN_FAILED',
    message: /invoke: cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE.*choose another port/,
  })
  const quiet = createApp({ name: 'quiet', stateDir: await temporaryFolder(context), mappings: {} })
  context.after(() => quiet.stop())
  await quiet.start()
  assert.equal(quiet.status().invokeUrl, undefined)
})
