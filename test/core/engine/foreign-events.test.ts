/** Functions that get events in a form of others: as they run on AWS, in every isolation. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ForeignEvents, Invocation } from '../../../core/engine/contract.ts'
import { channelSource, core, harness, invocation, invoked, outcomeAs } from './harness.ts'
import { everyIsolation } from './isolations.ts'

const QUEUE: Partial<Invocation> = { events: { format: 'lambda', place: 'embedded/queue', name: 'orders' } }

everyIsolation(
  'a handler written for SQS gets its event, and the ids it answers are those of the records',
  {
    source: `export const handler = async event => ({
      batchItemFailures: event.Records.filter(({ body }) => body.startsWith('bad')).map(({ messageId }) => ({ itemIdentifier: messageId })),
    })`,
  },
  async ({ run }) => {
    const report = await run('f', ['good', 'bad', 'good'], { ...QUEUE, codec: 'text' })
    assert.deepEqual(outcomeAs(report, 'answered').value, { batchItemFailures: [{ itemIdentifier: 'r1' }] })
  },
)

everyIsolation(
  'a record that the form cannot have is refused, and when all are, the function is not called',
  {
    source: `export const handler = event => { throw new Error(event.Records.map(({ messageId }) => messageId).join()) }`,
  },
  async ({ run }) => {
    const some = outcomeAs(await run('f', ['{}', Uint8Array.of(0xff), '{}'], QUEUE), 'failed')
    assert.equal(some.error.message, 'r0,r2')
    assert.deepEqual(
      some.refused.map(({ id, verdict, error }) => [id, verdict, error.code]),
      [['r1', 'undecodable', 'RECORD_UNDECODABLE']],
    )
    const none = outcomeAs(await run('f', [Uint8Array.of(0xff)], QUEUE), 'answered')
    assert.deepEqual([none.value, none.refused.length], [null, 1])
  },
)

const ANSWERS: readonly (readonly [expression: string, becomes: 'success' | RegExp])[] = [
  ['undefined', 'success'],
  ['null', 'success'],
  ["''", 'success'],
  ['[]', 'success'],
  ['({})', 'success'],
  ['({ batchItemFailures: null })', 'success'],
  ['({ batchItemFailures: [] })', 'success'],
  ["({ failures: [{ itemIdentifier: 'r0' }] })", 'success'],
  ['({ toJSON: () => ({ batchItemFailures: [{ itemIdentifier: "r9" }] }) })', /"r9" is not in the event/],
  ["({ batchItemFailures: [{ itemIdentifier: '' }] })", /batchItemFailures\[0\] is \{"itemIdentifier":""\}; expected/],
  ['({ batchItemFailures: [{ itemIdentifier: null }] })', /\{"itemIdentifier":null\}; expected/],
  ['({ batchItemFailures: [{ foo: 123 }] })', /\{"foo":123\}; expected \{ itemIdentifier \}, the messageId/],
  ["({ batchItemFailures: [{ itemIdentifier: 'r0' }, {}] })", /batchItemFailures\[1\] is \{\}/],
  ['({ n: 1n })', /n is a BigInt/],
]

everyIsolation(
  'AWS’s leniency: what has no list of failures is a success, a list that is not right fails the batch',
  {
    source: `const answers = [${ANSWERS.map(([expression]) => expression).join(',\n')}]
    export const handler = async event => answers[Number(event.Records[0].body)]`,
  },
  async ({ run }) => {
    for (const [index, [expression, becomes]] of ANSWERS.entries()) {
      const { outcome } = await run('f', [String(index)], QUEUE)
      if (becomes === 'success') assert.deepEqual(outcome, { kind: 'answered', value: null, refused: [] }, expression)
      else {
        assert.ok(outcome.kind === 'failed', expression)
        assert.match(outcome.error.message, becomes, expression)
        assert.equal(outcome.error.code, 'FUNCTION_ANSWER_INVALID', expression)
      }
    }
  },
)

everyIsolation(
  'the same answers fail the batch where the format is not Lambda’s',
  { source: 'export const handler = async event => JSON.parse(event[0].data.answer)' },
  async ({ run }) => {
    const events: ForeignEvents = { format: 'cloudevents', place: 'embedded/queue', name: 'orders' }
    const { value } = outcomeAs(await run('f', ['{"answer":"[]"}'], { events }), 'answered')
    // Handed on as it is, for the flow to refuse.
    assert.deepEqual(value, [])
  },
)

everyIsolation(
  'Lambda’s context: names, the request, the time that is left',
  {
    source: `export const handler = (event, context) => ({
      ...context, left: context.getRemainingTimeInMillis() > 0, settable: (context.callbackWaitsForEmptyEventLoop = false) === false,
    }).left && { batchItemFailures: [{ itemIdentifier: [context.awsRequestId, context.functionName, context.memoryLimitInMB,
      context.invokedFunctionArn, context.logGroupName, typeof context.logStreamName, typeof context.functionVersion].join(' ') }] }`,
  },
  async ({ run }) => {
    const { error } = outcomeAs(await run('f', ['{}'], QUEUE), 'failed')
    assert.match(
      error.message,
      /"request-1 f 256 arn:millrace:lambda:local:000000000000:function:f \/millrace\/test\/f string string"/,
    )
  },
)

const onEvent = `import { onEvent } from ${core('function/on-event.ts')}
import { onRecord } from ${core('function/on-record.ts')}
const schema = { '~standard': { version: 1, vendor: 'test', validate: value => value.ok ? { value: { ...value, more: 1 } } : { issues: [{ message: 'not ok' }] } } }
const q = ${channelSource('q', "codec: 'json', schema")}
`

everyIsolation(
  'onEvent: the schema says which records there are, the event has their bodies as they came',
  {
    source: `${onEvent}export const handler = onEvent(q, async (event, context) => {
      throw new Error(event.Records.map(({ body }) => body).join() + context.mapping)
    })`,
  },
  async ({ run }) => {
    const outcome = outcomeAs(await run('f', ['{"ok":1}', '{"ok":0}', '{'], { ...QUEUE, hasSchema: true }), 'failed')
    assert.equal(outcome.error.message, '{"ok":1}m')
    assert.deepEqual(
      outcome.refused.map(({ id, verdict }) => `${id} ${verdict}`),
      ['r1 invalid', 'r2 undecodable'],
    )
  },
)

const MISMATCHES: readonly (readonly [what: string, source: string, change: Partial<Invocation>, says: RegExp])[] = [
  [
    'a plain function cannot apply a schema',
    'export const handler = () => {}',
    { ...QUEUE, hasSchema: true },
    /only what onEvent makes can apply/,
  ],
  [
    'what onRecord makes does not take events of others',
    `${onEvent}export const handler = onRecord(q, () => {})`,
    QUEUE,
    /format 'lambda'; export a plain function or use onEvent/,
  ],
  [
    'what onEvent makes does not take records of ours',
    `${onEvent}export const handler = onEvent(q, () => {})`,
    {},
    /made by onEvent.*has format 'millrace'/,
  ],
  [
    'onEvent of another channel cannot apply this one’s schema',
    `${onEvent}export const handler = onEvent({ ...q, address: 'local/p' }, () => {})`,
    { ...QUEUE, hasSchema: true },
    /is written for local\/p, but mapping m reads local\/q; give onEvent that channel/,
  ],
]

for (const [what, source, change, says] of MISMATCHES)
  everyIsolation(`${what}: nobody is charged`, { source }, async ({ run }) => {
    const { error } = outcomeAs(await run('f', ['{}'], change), 'not-ready')
    assert.equal(error.code, 'FUNCTION_MISMATCH')
    assert.match(error.message, says)
  })

const CALLBACKS: Readonly<Record<string, string>> = {
  'a handler that waits for a callback': 'export const handler = (event, context, callback) => callback(null)',
  'one that onEvent was given': `${onEvent}export const handler = onEvent(q, (event, context, callback) => callback(null))`,
}

for (const [what, source] of Object.entries(CALLBACKS))
  everyIsolation(`${what} is refused at Init`, { source }, async ({ run }) => {
    const { error } = outcomeAs(await run('f', ['{}'], QUEUE), 'not-ready')
    assert.equal(error.code, 'FUNCTION_INIT_FAILED')
    assert.match(error.message, /functions\.f: its handler has 3 parameters, so it waits for a callback.*make it async/)
  })

test('what only foreign forms tell of records reaches the environment', async context => {
  const { engine } = await harness(context, {
    f: { source: 'export const handler = event => { throw new Error(JSON.stringify(event.Records[0].attributes)) }' },
  })
  const slot = await engine.acquire('f', 'm', new AbortController().signal)
  const report = await slot?.invoke(
    invocation([{ ...invoked('{}', 0), attempt: 3, firstSeen: 1_699_999_999_999.4 }], QUEUE),
  )
  assert.ok(report?.outcome.kind === 'failed')
  const said = JSON.parse(report.outcome.error.message) as Readonly<Record<string, string>>
  assert.deepEqual(
    [said.ApproximateReceiveCount, said.SentTimestamp, said.ApproximateFirstReceiveTimestamp],
    ['3', '1700000000000', '1699999999999'],
  )
})
