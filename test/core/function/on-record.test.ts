import assert from 'node:assert/strict'
import { test } from 'node:test'
import { embedded } from '../../../connectors/embedded/channel.ts'
import type { FunctionContext } from '../../../core/function/context.ts'
import { NotRetryable, RetryAfter } from '../../../core/function/errors.ts'
import { onRecord } from '../../../core/function/on-record.ts'
import type { FunctionRecord } from '../../../core/function/record.ts'

type Data = { readonly fail?: string }
const orders = embedded().queue<Data>('orders')

const record = (id: string, key: string | null, data: Data = {}): FunctionRecord<Data> => ({
  id,
  source: orders.address,
  time: 0,
  key,
  headers: [],
  body: new Uint8Array(),
  data,
  attempt: 1,
  idempotencyKey: id,
  fence: 1,
})

/** What onRecord reads of a context. */
const contextOf = (order: FunctionContext['order'], signal = new AbortController().signal): FunctionContext =>
  ({ order, signal }) as FunctionContext

const FAIL = { fail: 'always' }
const BATCH = [
  record('a1', 'a'),
  record('b1', 'b', FAIL),
  record('a2', 'a'),
  record('b2', 'b'),
  record('n1', null, FAIL),
  record('n2', null),
]

const ORDERS = [
  { order: 'lane', ran: ['a1', 'b1'], failed: ['b1'] },
  { order: 'key', ran: ['a1', 'b1', 'a2', 'n1', 'n2'], failed: ['b1', 'n1'] },
  { order: 'none', ran: ['a1', 'b1', 'a2', 'b2', 'n1', 'n2'], failed: ['b1', 'n1'] },
] as const

for (const { order, ran, failed } of ORDERS)
  for (const concurrency of [1, 4])
    test(`order ${order} with concurrency ${concurrency}: after a failure runs what the order leaves`, async () => {
      const seen: string[] = []
      const handler = onRecord(
        orders,
        async order_ => {
          seen.push(order_.id)
          await null
          if (order_.data.fail) throw new Error(order_.id)
        },
        { concurrency },
      )
      const answer = await handler(BATCH, contextOf(order))
      assert.deepEqual([...seen].sort(), [...ran].sort())
      assert.deepEqual(answer?.batchItemFailures.map(failure => failure.itemIdentifier).sort(), [...failed].sort())
    })

test('a batch without a failure answers nothing, and what a handler returns is ignored', async () => {
  const handler = onRecord(orders, () => 'ignored')
  assert.equal(await handler([record('1', null)], contextOf('none')), undefined)
  assert.equal(await handler([], contextOf('none')), undefined)
})

test('a failure carries its error as data, and what it says of trying again', async () => {
  const thrown: Readonly<Record<string, unknown>> = {
    never: new NotRetryable('no'),
    later: new RetryAfter(1_500),
    plain: Object.assign(new TypeError('t'), { code: 'E_T' }),
    text: 'just text',
  }
  const handler = onRecord(orders, ({ id }) => {
    throw thrown[id]
  })
  const batch = Object.keys(thrown).map(id => record(id, null))
  const answer = await handler(batch, contextOf('none'))
  const failures = answer?.batchItemFailures.map(({ error, ...failure }) => {
    const { stack: _, ...rest } = typeof error === 'object' ? error : { name: '', message: '' }
    return { ...failure, error: rest }
  })
  assert.deepEqual(failures, [
    {
      itemIdentifier: 'never',
      retryable: false,
      error: { name: 'NotRetryable', code: 'NOT_RETRYABLE', message: 'no' },
    },
    {
      itemIdentifier: 'later',
      retryAfterMs: 1_500,
      error: { name: 'RetryAfter', code: 'RETRY_AFTER', message: 'try again after 1500' },
    },
    { itemIdentifier: 'plain', error: { name: 'TypeError', code: 'E_T', message: 't' } },
    {
      itemIdentifier: 'text',
      error: { name: 'NonError', message: 'thrown value that is not an Error: just text' },
    },
  ])
})

test('with concurrency, as many run at once, and records of one key one after the other', async () => {
  let running = 0
  let most = 0
  const ended: string[] = []
  const runningOf = new Map<string | null, number>()
  const handler = onRecord(
    orders,
    async ({ id, key }) => {
      running += 1
      most = Math.max(most, running)
      const sameKey = (runningOf.get(String(key)) ?? 0) + 1
      runningOf.set(String(key), sameKey)
      assert.equal(sameKey, 1)
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
      runningOf.set(String(key), sameKey - 1)
      running -= 1
      ended.push(id)
    },
    { concurrency: 3 },
  )
  const batch = Array.from({ length: 30 }, (_, index) => record(String(index), `k${index % 5}`))
  assert.equal(await handler(batch, contextOf('none')), undefined)
  assert.equal(most, 3)
  assert.equal(ended.length, 30)
  for (let key = 0; key < 5; key += 1) {
    const ofKey = ended.map(Number).filter(id => id % 5 === key)
    assert.deepEqual(
      ofKey,
      [...ofKey].sort((a, b) => a - b),
    )
  }
})

test('an aborted invocation starts no further record', async () => {
  const stop = new AbortController()
  const seen: string[] = []
  const handler = onRecord(orders, ({ id }) => {
    seen.push(id)
    if (id === '2') stop.abort(new Error('claims lost'))
  })
  const batch = ['1', '2', '3'].map(id => record(id, null))
  await assert.rejects(handler(batch, contextOf('none', stop.signal)), /claims lost/)
  assert.deepEqual(seen, ['1', '2'])
})

test('thousands of failures still fit into an answer', async () => {
  const handler = onRecord(orders, () => {
    throw new Error('x'.repeat(20_000))
  })
  const batch = Array.from({ length: 10_000 }, (_, index) => record(`record-${index}`, null))
  const answer = await handler(batch, contextOf('none'))
  assert.equal(answer?.batchItemFailures.length, 10_000)
  assert.ok(JSON.stringify(answer).length < 6 * 1_048_576)
})

test('a concurrency that is no number of records is refused when the handler is made', () => {
  for (const concurrency of [0, -1, 1.5, Number.NaN])
    assert.throws(() => onRecord(orders, () => {}, { concurrency }), /concurrency must be a whole number/)
})

test('RetryAfter takes milliseconds or a duration, and refuses anything else', () => {
  assert.equal(new RetryAfter('90s').retryAfterMs, 90_000)
  assert.equal(new RetryAfter(250).retryAfterMs, 250)
  assert.throws(() => new RetryAfter('soon' as '1s'), /expected milliseconds or a duration such as "30s", got "soon"/)
  assert.throws(() => new RetryAfter(-1), /expected milliseconds/)
})
