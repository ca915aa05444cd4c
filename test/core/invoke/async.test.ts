import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { embedded } from '../../../connectors/embedded/channel.ts'
import { problemText } from '../../../core/config/problem.ts'
import { validateConfig } from '../../../core/config/validate.ts'
import type { EventRecord } from '../../../core/contract.ts'
import { answering } from '../../../core/invoke/answering.ts'
import { logTo } from '../../../core/log.ts'
import { type TestApp, testApp } from '../../../core/testing/index.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { harness, invocation, invoked, outcomeAs } from '../engine/harness.ts'

const local = embedded()
const answers = local.queue('answers')
const failures = local.queue('failures')

/** Fails as often as the event says, and answers with how often it was tried. */
const SOURCE = `
let tries = 0
export const handler = async (event, context) => {
  tries += 1
  context.log.info('try')
  if (tries <= (event.fails ?? 0)) throw new RangeError('not yet')
  return { tries, of: event.order }
}`

const app = async (context: TestContext, async: object | boolean = true): Promise<TestApp> => {
  const folder = await temporaryFolder(context)
  await writeFile(join(folder, 'charge.ts'), SOURCE)
  const config = {
    name: 'shop',
    functions: { charge: { file: './charge.ts', async, maxEnvironments: 1 }, plain: './charge.ts' },
    mappings: {},
    channels: [answers, failures],
  }
  const created = await testApp(config, { configFile: join(folder, 'millrace.config.ts') })
  context.after(() => created.stop())
  return created
}

const bodyOf = (record: EventRecord | undefined): unknown => JSON.parse(Buffer.from(record?.body ?? []).toString())

test('an event is taken, run later and retried after one minute and two, as on Lambda', async context => {
  const running = await app(context, { onSuccess: answers })
  const startedAt = running.clock.now()
  assert.deepEqual(await running.invokeAsync('charge', { order: 'a', fails: 2 }, { requestId: 'r1' }), {
    requestId: 'r1',
  })
  await running.idle()
  assert.equal(running.clock.now() - startedAt, 180_000)
  const [record] = running.records(answers)
  assert.equal(record?.id, 'r1')
  assert.deepEqual(bodyOf(record), {
    version: '1.0',
    timestamp: new Date(startedAt + 180_000).toISOString(),
    requestContext: {
      requestId: 'r1',
      functionArn: 'arn:millrace:lambda:local:000000000000:function:charge:$LATEST',
      condition: 'Success',
      approximateInvokeCount: 3,
    },
    requestPayload: { order: 'a', fails: 2 },
    responseContext: { statusCode: 200, executedVersion: running.status().functions[0]?.version },
    responsePayload: { tries: 3, of: 'a' },
  })
  assert.equal((await running.deadLetters.list()).length, 0)
  assert.equal(running.status().mappings[0]?.name, 'async:charge')
})

test('an event that fails for good is a dead letter, goes to onFailure, and can be replayed', async context => {
  const running = await app(context, { onFailure: [failures], onSuccess: answers, maxAttempts: 2 })
  await running.invokeAsync('charge', { order: 'b', fails: 2 }, { requestId: 'r2' })
  await running.idle()
  const failed = bodyOf(running.records(failures)[0]) as {
    requestContext: object
    responsePayload: { errorType: string; errorMessage: string; trace: string[] }
  }
  assert.deepEqual(
    { ...failed.requestContext, ...failed.responsePayload, trace: failed.responsePayload.trace[0] },
    {
      requestId: 'r2',
      functionArn: 'arn:millrace:lambda:local:000000000000:function:charge:$LATEST',
      condition: 'RetriesExhausted',
      approximateInvokeCount: 2,
      errorType: 'RangeError',
      errorMessage: 'not yet',
      trace: 'RangeError: not yet',
    },
  )
  const [letter] = await running.deadLetters.list()
  assert.ok(letter && letter.recordId === 'r2' && letter.mapping === 'async:charge')
  await running.deadLetters.replay({ ids: [letter.id] })
  await running.idle()
  assert.equal((await running.deadLetters.list()).length, 0)
  assert.deepEqual((bodyOf(running.records(answers)[0]) as { responsePayload: object }).responsePayload, {
    tries: 3,
    of: 'b',
  })
})

test('an event that has become too old is not tried again', async context => {
  const running = await app(context, { onFailure: failures, maxAttempts: 100, maxAge: '10m' })
  await running.invokeAsync('charge', { fails: 100 })
  await running.idle()
  const record = bodyOf(running.records(failures)[0]) as { requestContext: { condition: string } }
  assert.equal(record.requestContext.condition, 'EventAgeExceeded')
})

test('in format millrace an answer is the record itself', async context => {
  const running = await app(context, { onSuccess: answers, format: 'millrace' })
  await running.invokeAsync('charge', { order: 'c' }, { requestId: 'r3' })
  await running.idle()
  const [record] = running.records(answers)
  assert.deepEqual(bodyOf(record), { tries: 1, of: 'c' })
  assert.deepEqual(record?.headers.slice(0, 2), [
    ['millrace-request-id', 'r3'],
    ['millrace-function', 'charge'],
  ])
})

test('what cannot be taken is told to the caller, and nothing is queued', async context => {
  const running = await app(context)
  await assert.rejects(
    running.invokeAsync('plain'),
    /functions\.plain cannot be invoked asynchronously; give it async: true/,
  )
  await assert.rejects(
    running.invokeAsync('nope'),
    /no such function .*; those that can be invoked asynchronously: charge/,
  )
  await assert.rejects(running.invokeAsync('charge', Buffer.from('{')), { code: 'SEND_INVALID' })
  await assert.rejects(running.invokeAsync('charge', 'x'.repeat(1_048_576)), /at most 1048576 bytes .*, got 1048578/)
  await running.idle()
  assert.equal(running.status().mappings[0]?.counts.received, 0)
})

test('wrong options are told with their paths', () => {
  const problems = (async: unknown): readonly string[] => {
    const functions = { charge: { file: './charge.ts', async } }
    const validation = validateConfig({ name: 'shop', functions, mappings: {} }, { folder: '/', exists: () => true })
    return validation.ok ? [] : validation.problems.map(problemText)
  }
  assert.deepEqual(problems({ maxAttemps: 2 }), [
    'functions.charge.async.maxAttemps is not an option; did you mean maxAttempts?',
  ])
  assert.deepEqual(problems({ maxAge: '5s' }), [
    "functions.charge.async.maxAge must be a duration between 1m and 30d, like '1m', got '5s'",
  ])
  assert.match(
    problems({ onSuccess: 'orders' })[0] ?? '',
    /functions\.charge\.async\.onSuccess must be a channel, got 'orders'/,
  )
  assert.deepEqual(problems(false), [])
})

test('an answer that onSuccess does not take is not lost: the event counts as not tried, and comes again', async context => {
  const { engine, run, lines } = await harness(context, {
    f: { source: 'export const handler = () => 1', isolation: 'inline' },
  })
  outcomeAs(await run('f'), 'answered')
  const refusing = answering(engine, () => Promise.reject(new Error('the queue is full')), logInto(lines))
  const slot = await refusing.acquire('f', 'm', new AbortController().signal)
  const report = await slot?.invoke(invocation([invoked('{}', 0), invoked('{}', 1)]))
  assert.ok(report)
  assert.deepEqual(outcomeAs(report, 'answered').value, {
    batchItemFailures: [
      { itemIdentifier: 'r0', untried: true },
      { itemIdentifier: 'r1', untried: true },
    ],
  })
  assert.ok(
    lines.includes('warn the answer of functions.f was not taken by onSuccess: the queue is full'),
    lines.join(),
  )
})

const logInto = (lines: string[]) => logTo((level, message) => void lines.push(`${level} ${message}`))
