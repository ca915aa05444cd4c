import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import { embedded } from '../../../connectors/embedded/channel.ts'
import type { Answer, BatchItemFailure } from '../../../core/function/answer.ts'
import type { FunctionContext } from '../../../core/function/context.ts'
import { onRecord } from '../../../core/function/on-record.ts'
import type { BatchIdempotency } from '../../../core/function/once.ts'
import type { FunctionRecord } from '../../../core/function/record.ts'
import { storedKey } from '../../../core/idempotency/key.ts'
import { memoryIdempotency } from '../../../core/idempotency/memory-store.ts'
import { OFFERED } from '../../../core/idempotency/offered.ts'
import { createVirtualClock } from '../../../core/testing/virtual-clock.ts'
import { faultyStore } from '../idempotency/faulty-store.ts'

interface Data {
  readonly of: string
  readonly total?: number
}
const orders = embedded().queue<Data>('orders')

const record = (id: string, of: string, more: Partial<FunctionRecord<Data>> = {}): FunctionRecord<Data> => ({
  id,
  source: orders.address,
  time: 0,
  key: null,
  headers: [],
  body: new Uint8Array(),
  data: { of },
  attempt: 1,
  idempotencyKey: id,
  fence: 1,
  ...more,
})

const contextOf = (order: FunctionContext['order'] = 'none', more: object = {}): FunctionContext =>
  ({ order, signal: new AbortController().signal, functionName: 'f', mapping: 'm', ...more }) as FunctionContext

type Options = Partial<BatchIdempotency<FunctionRecord<Data>>>

/** A handler that fails for what `failing` names, and tells what ran. */
const handler = (idempotency: Options, { concurrency = 1, failing = new Set<string>() } = {}) => {
  const ran: string[] = []
  const handle = onRecord(
    orders,
    async ({ id }) => {
      ran.push(id)
      await turn()
      if (failing.has(id)) throw new Error(`${id} failed`)
    },
    { concurrency, idempotency: { store: memoryIdempotency(), key: 'data.of', ...idempotency } },
  )
  return { handle, ran, failing }
}

const told = (answer: Answer): readonly string[] =>
  (answer?.batchItemFailures ?? []).map(({ itemIdentifier, error, untried, retryable }: BatchItemFailure) => {
    const code = typeof error === 'object' ? (error.code ?? error.message) : error
    return `${itemIdentifier}: ${code}${untried ? ', untried' : ''}${retryable === false ? ', for good' : ''}`
  })

const BATCH = [record('1', 'a'), record('2', 'b'), record('3', 'c')]

test('a batch that comes again runs nothing, in one round trip where nothing is new, and two where something is', async () => {
  const store = faultyStore(memoryIdempotency())
  const { handle, ran } = handler({ store })
  assert.equal(await handle(BATCH, contextOf()), undefined)
  assert.deepEqual({ ...store.calls }, { claim: 1, write: 1 })
  assert.equal(await handle(BATCH, contextOf()), undefined)
  assert.deepEqual({ ...store.calls }, { claim: 2, write: 1 })
  assert.deepEqual(ran, ['1', '2', '3'])
})

test('what failed runs again, and only that', async () => {
  const { handle, ran, failing } = handler({}, { failing: new Set(['2']) })
  assert.deepEqual(told(await handle(BATCH, contextOf())), ['2: 2 failed'])
  failing.clear()
  assert.equal(await handle(BATCH, contextOf()), undefined)
  assert.deepEqual(ran, ['1', '2', '3', '2'])
})

test('a record that is processed elsewhere is not run, and comes again free of charge', async () => {
  const store = memoryIdempotency()
  await store.claim([{ key: storedKey('f.m', 'b'), fingerprint: '' }], { owner: 'somebody', leaseMs: 60_000 })
  const { handle, ran } = handler({ store })
  assert.deepEqual(told(await handle(BATCH, contextOf())), ['2: IDEMPOTENCY_IN_PROGRESS, untried'])
  assert.deepEqual(ran, ['1', '3'])
  const behind = handler({ store })
  const batch = [record('4', 'd'), record('5', 'b'), record('6', 'e')]
  assert.deepEqual(told(await behind.handle(batch, contextOf('lane'))), ['5: IDEMPOTENCY_IN_PROGRESS, untried'])
  assert.deepEqual(behind.ran, ['4'], 'in a lane nothing runs past it')
  assert.deepEqual(told(await behind.handle([record('6', 'e')], contextOf('lane'))), [], 'nor is it kept claimed')
})

const SAME = [record('1', 'a'), record('2', 'b'), record('3', 'a'), record('4', 'a', { data: { of: 'a', total: 1 } })]

for (const concurrency of [1, 4])
  test(`a key that is repeated in a batch runs in order, with concurrency ${concurrency}`, async () => {
    const first = handler({}, { concurrency })
    assert.deepEqual(told(await first.handle(SAME, contextOf())), ['4: IDEMPOTENCY_PAYLOAD_DIFFERS, for good'])
    assert.deepEqual([...first.ran].sort(), ['1', '2'])
    const second = handler({}, { concurrency, failing: new Set(['1']) })
    assert.deepEqual(told(await second.handle(SAME, contextOf())), [
      '1: 1 failed',
      '4: IDEMPOTENCY_PAYLOAD_DIFFERS, for good',
    ])
    assert.deepEqual([...second.ran].sort(), ['1', '2', '3'], 'the second has its turn when the first failed')
    const any = handler({ validate: false }, { concurrency })
    assert.deepEqual(told(await any.handle(SAME, contextOf())), [])
    assert.deepEqual([...any.ran].sort(), ['1', '2'])
  })

test('records that share keys of both kinds wait for each other and never for ever', async () => {
  const batch = [
    record('1', 'u', { key: 'x' }),
    record('2', 'v', { key: 'y' }),
    record('3', 'k', { key: 'z' }),
    record('4', 'l', { key: 'w' }),
    record('5', 'k', { key: 'x' }),
    record('6', 'l', { key: 'y' }),
  ]
  const { handle, ran } = handler({}, { concurrency: 2 })
  assert.equal(await handle(batch, contextOf('key')), undefined)
  assert.deepEqual([...ran].sort(), ['1', '2', '3', '4'])
})

test('a key that is missing or cannot be read parks the record, and no other', async () => {
  for (const key of ['data.off' as const, () => undefined, () => '', () => Number.NaN, () => Promise.reject as never]) {
    const { handle, ran } = handler({ key: key as 'data.of' })
    assert.deepEqual(
      told(await handle([record('1', 'a')], contextOf())),
      ['1: IDEMPOTENCY_KEY_INVALID, for good'],
      String(key),
    )
    assert.deepEqual(ran, [])
  }
  const throwing = handler({
    key: ({ id }) => {
      if (id === '2') throw new Error('no')
      return id
    },
  })
  assert.deepEqual(told(await throwing.handle(BATCH, contextOf())), ['2: IDEMPOTENCY_KEY_INVALID, for good'])
  assert.deepEqual(throwing.ran, ['1', '3'])
})

test('while the store is down nothing runs and nothing is charged, unless it was said that it may run', async () => {
  const store = faultyStore(memoryIdempotency())
  store.fail('claim')
  const { handle, ran } = handler({ store })
  assert.deepEqual(
    told(await handle(BATCH, contextOf())),
    BATCH.map(({ id }) => `${id}: IDEMPOTENCY_STORE_FAILED, untried`),
  )
  assert.deepEqual(ran, [])
  const risky = handler({ store, onStoreError: 'run' })
  assert.equal(await risky.handle(BATCH, contextOf()), undefined)
  assert.deepEqual(risky.ran, ['1', '2', '3'])
})

test('a completion that the store was not told is no success, nor is a duplicate that hung on it', async () => {
  const clock = createVirtualClock()
  const store = faultyStore(memoryIdempotency({ clock }))
  const offered = { [OFFERED]: () => ({ consumer: 'app.m', store, clock }) }
  const own = onRecord(orders, () => store.fail('write'), { idempotency: { key: 'data.of', lease: '1s' } })
  const answering = own([record('1', 'a'), record('2', 'a')], contextOf('none', offered))
  for (let times = 0; times < 50; times += 1) {
    await turn()
    clock.advance(100)
  }
  assert.deepEqual(told(await answering), [
    '1: IDEMPOTENCY_STORE_FAILED, untried',
    '2: IDEMPOTENCY_STORE_FAILED, untried',
  ])
})

test('a claim that was lost while its record ran is no success: it comes again, and its signal says so', async () => {
  const clock = createVirtualClock()
  const store = memoryIdempotency({ clock })
  const offered = { [OFFERED]: () => ({ consumer: 'app.m', store, clock }) }
  const signals: AbortSignal[] = []
  const handle = onRecord(
    orders,
    async ({ id }, context) => {
      if (id !== '1') return
      signals.push(context.signal)
      await store.remove(storedKey('app.m', 'a'))
      await store.claim([{ key: storedKey('app.m', 'a'), fingerprint: '' }], { owner: 'other', leaseMs: 60_000 })
      clock.advance(400)
      await turn()
    },
    { idempotency: { key: 'data.of', lease: '1s' } },
  )
  assert.deepEqual(told(await handle(BATCH, contextOf('none', offered))), ['1: IDEMPOTENCY_LEASE_LOST, untried'])
  assert.equal(signals[0]?.aborted, true)
})

test('a batch that is aborted gives back what it did not come to', async () => {
  const stop = new AbortController()
  const store = memoryIdempotency()
  const handle = onRecord(orders, ({ id }) => (id === '1' ? stop.abort() : undefined), {
    idempotency: { store, key: 'record.id' },
  })
  await assert.rejects(async () => handle(BATCH, contextOf('none', { signal: stop.signal })), { name: 'AbortError' })
  const { handle: next, ran } = handler({ store, key: 'id' })
  assert.equal(await next(BATCH, contextOf()), undefined)
  assert.deepEqual(ran, ['2', '3'])
})

test('the handler is told the key and a fence that rises, on the record and on the context', async () => {
  const seen: (readonly [string, number])[] = []
  const handle = onRecord(
    orders,
    (order, context) => {
      assert.deepEqual([order.idempotencyKey, order.fence], [context.idempotencyKey, context.fence])
      assert.equal(context.functionName, 'f')
      seen.push([order.idempotencyKey, order.fence])
      if (seen.length < 3) throw new Error('again')
    },
    { idempotency: { store: memoryIdempotency(), key: 'data.of' } },
  )
  for (let times = 0; times < 3; times += 1) await handle([record('1', 'a')], contextOf())
  const [first, second, third] = seen
  assert.ok(first && second && third)
  assert.deepEqual([second[0], third[0]], [first[0], first[0]])
  assert.ok(first[1] < second[1] && second[1] < third[1])
})

test('slow records are told to the store while the batch goes on', async () => {
  const store = faultyStore(memoryIdempotency())
  const handle = onRecord(orders, () => pause(30), { idempotency: { store, key: 'record.id' } })
  await handle(BATCH, contextOf())
  assert.ok(store.calls.write >= 2, `${store.calls.write} writes`)
})

test('an option that is wrong is an error when the function is loaded', () => {
  const wrong = (idempotency: object) => () =>
    onRecord(orders, () => {}, { idempotency: idempotency as Options as never })
  assert.throws(wrong({ key: 'dat.of' }), /onRecord: idempotency: key must be 'record.id'/)
  assert.throws(wrong({ key: 'id', ttl: '1y' }), /onRecord: idempotency: ttl must be a duration/)
})
