import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { FunctionSpec, Invocation } from '../../../../core/engine/contract.ts'
import { type Harness, harness, invocation, invoked, outcomeAs } from '../harness.ts'
import { type Answer, type Endpoint, endpoint, reply } from './server.ts'

const EVENTS = { format: 'cloudevents', place: 'embedded/queue', name: 'q' } as const

const setUp = async (
  context: TestContext,
  answer: Answer,
  spec: Partial<FunctionSpec> = {},
): Promise<Harness & { readonly at: Endpoint }> => {
  const at = await endpoint(context, answer)
  const code = { url: at.url, protocol: 'cloudevents', headers: {}, tls: {} } as const
  return { ...(await harness(context, { f: { code, ...spec } })), at }
}

const eventIn = (body: string): { id: string; data: unknown } => JSON.parse(body)

/** Answers by what stands in the event: a status, a status with a wait, or 200. */
const byData: Answer = ({ body }, response) => {
  const [status, retryAfter] = String(eventIn(body).data ?? '200').split(' ')
  reply(response, Number(status), '', retryAfter === undefined ? {} : { 'Retry-After': retryAfter })
}

test('each record is a CloudEvent in a request of its own, over one connection', async context => {
  const { run, at } = await setUp(context, (_request, response) => reply(response, 202, 'ignored'))
  const report = await run('f', ['{"n":1}', '{"n":2}'], { events: EVENTS })
  assert.equal(outcomeAs(report, 'answered').value, null)
  assert.deepEqual(
    at.received.map(({ body }) => eventIn(body).data),
    [{ n: 1 }, { n: 2 }],
  )
  const [first] = at.received
  assert.equal(first?.headers['content-type'], 'application/cloudevents+json; charset=utf-8')
  const event = JSON.parse(first?.body ?? '')
  assert.deepEqual(
    [event.specversion, event.id, event.type, event.datacontenttype],
    ['1.0', 'r0', 'millrace.embedded.queue', 'application/json'],
  )
  assert.equal(new Set(at.received.map(({ connection }) => connection)).size, 1)
})

interface Row {
  readonly rule: string
  readonly bodies: readonly string[]
  readonly order?: Invocation['order']
  /** What is named, `r1` failed, `r1?` untried, `r1?7000` with a wait; or the kind of an outcome without an answer. */
  readonly comesTo: string
  readonly sent: number
}

const ROWS: readonly Row[] = [
  { rule: 'a record that fails is named, the others go on', bodies: ['200', '500', '200'], comesTo: 'r1', sent: 3 },
  {
    rule: 'behind a failure in a lane nothing is sent',
    bodies: ['200', '500', '200'],
    order: 'lane',
    comesTo: 'r1',
    sent: 2,
  },
  { rule: 'behind a failure of a key the others go on', bodies: ['500', '200'], order: 'key', comesTo: 'r0', sent: 2 },
  { rule: 'no room for the first is no room for the batch', bodies: ['503 7', '200'], comesTo: 'throttled', sent: 1 },
  {
    rule: 'no room further on leaves the rest untried',
    bodies: ['200', '429 7', '200'],
    comesTo: 'r1?7000 r2?7000',
    sent: 2,
  },
  { rule: 'a failure before that is charged all the same', bodies: ['500', '503'], comesTo: 'r0 r1?', sent: 2 },
  { rule: 'what is not there for the first is not ready', bodies: ['404', '200'], comesTo: 'not-ready', sent: 1 },
  {
    rule: 'what is gone further on leaves the rest untried',
    bodies: ['200', '404', '200'],
    comesTo: 'r1? r2?',
    sent: 2,
  },
  { rule: 'a body that cannot be an event is refused, and not sent', bodies: ['{', '200'], comesTo: '', sent: 1 },
]

for (const { rule, bodies, order = 'none', comesTo, sent } of ROWS)
  test(rule, async context => {
    const { run, at } = await setUp(context, byData)
    const texts = bodies.map(body => (body.includes(' ') ? JSON.stringify(body) : body))
    const { outcome } = await run('f', texts, { events: EVENTS, order })
    assert.equal(at.received.length, sent)
    if (outcome.kind !== 'answered') return assert.equal(outcome.kind, comesTo)
    const value = outcome.value as { batchItemFailures: Record<string, unknown>[] } | null
    const named = (value?.batchItemFailures ?? []).map(
      each => `${each.itemIdentifier}${each.untried ? `?${each.retryAfterMs ?? ''}` : ''}`,
    )
    assert.equal(named.join(' '), comesTo)
    assert.deepEqual(
      outcome.refused.map(({ id }) => id),
      bodies.includes('{') ? ['r0'] : [],
    )
  })

test('later records of a failed key are not sent, those of other keys are', async context => {
  const { engine, at } = await setUp(context, byData)
  const slot = await engine.acquire('f', 'm', new AbortController().signal)
  const keyed = ['a', 'b', 'a', null, null].map((key, index) => {
    const one = invoked(index === 0 || index === 3 ? '500' : '200', index)
    return { ...one, record: { ...one.record, key } }
  })
  const report = await slot?.invoke(invocation(keyed, { events: EVENTS, order: 'key' }))
  assert.deepEqual(
    at.received.map(({ body }) => eventIn(body).id),
    ['r0', 'r1', 'r3', 'r4'],
  )
  assert.ok(report && JSON.stringify(report.outcome).includes('"itemIdentifier":"r3"'))
})

test('a timeout is the failure of the record that was sent, and the rest is untried', async context => {
  const { run } = await setUp(context, ({ body }, response) => eventIn(body).id === 'r1' || reply(response, 200), {
    timeoutMs: 400,
  })
  const { value } = outcomeAs(await run('f', ['1', '2', '3'], { events: EVENTS }), 'answered')
  const { batchItemFailures } = value as { batchItemFailures: { itemIdentifier: string; error?: { code: string } }[] }
  assert.deepEqual(
    batchItemFailures.map(({ itemIdentifier, error }) => [itemIdentifier, error?.code]),
    [
      ['r1', 'FUNCTION_TIMEOUT'],
      ['r2', undefined],
    ],
  )
})

test('a mapping of another format is not for a receiver of CloudEvents, and is told so', async context => {
  const { run } = await setUp(context, byData)
  const { error } = outcomeAs(await run('f'), 'not-ready')
  assert.match(error.message, /mapping m has format 'millrace'; write format: 'cloudevents'/)
})
