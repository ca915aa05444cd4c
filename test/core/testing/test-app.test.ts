import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineConfig, embedded, NotRetryable, onBatch, onRecord } from 'millrace'
import { invoke, testApp } from 'millrace/testing'
import { z } from 'zod'

const local = embedded()
const Order = z.object({ id: z.string(), total: z.number() })
const orders = local.queue('orders', { schema: Order })
const receipts = local.topic<{ readonly order: string }>('receipts')

const charge = onRecord(orders, async (order, context) => {
  if (order.data.total < 0) throw new NotRetryable('negative total')
  if (order.data.id === 'always') throw new Error('out of luck')
  if (order.data.id === 'twice' && order.attempt < 3) throw new Error('not yet')
  await context.send(receipts, [{ data: { order: order.data.id } }])
})

const configWith = (maxAttempts: number) => {
  const seen: string[] = []
  const config = defineConfig({
    name: 'test',
    mappings: {
      charge: { source: orders, function: charge, maxAttempts, backoff: { initial: '1m', max: '1h' } },
      note: {
        source: receipts,
        function: onBatch(receipts, async batch => void seen.push(...batch.map(record => record.data.order))),
      },
    },
  })
  return { config, seen }
}

test('a whole app runs on a virtual clock: hours of back-off pass in milliseconds', async () => {
  const { config, seen } = configWith(5)
  const app = await testApp(config)
  await app.send(orders, [
    { id: '1', data: { id: 'fine', total: 1 } },
    { id: '2', data: { id: 'twice', total: 2 } },
    { id: '3', data: { id: 'always', total: 3 } },
    { id: '4', data: { id: 'broken', total: -1 } },
  ])
  const startedAt = app.clock.now()
  await app.idle()
  assert.deepEqual(seen.toSorted(), ['fine', 'twice'])
  const letters = await app.deadLetters.list()
  assert.deepEqual(letters.map(letter => [letter.recordId, letter.reason, letter.attempts]).toSorted(), [
    ['3', 'exhausted', 5],
    ['4', 'not-retryable', 1],
  ])
  assert.ok(app.clock.now() - startedAt > 60_000, 'the back-off was waited for, in virtual time')
  assert.equal(app.records(receipts).length, 2)
  await app.stop()
})

test('a dead letter is replayed to the function that failed, and leaves the list when it succeeds', async () => {
  let mended = false
  const handler = onRecord(orders, () => {
    if (!mended) throw new NotRetryable('not mended')
  })
  const app = await testApp(defineConfig({ name: 'test', mappings: { charge: { source: orders, function: handler } } }))
  await app.send(orders, [{ data: { id: 'a', total: 1 } }])
  await app.idle()
  const [letter] = await app.deadLetters.list()
  assert.ok(letter)
  await app.deadLetters.replay({ ids: [letter.id] })
  await app.idle()
  assert.equal((await app.deadLetters.list())[0]?.replays, 1, 'it failed again and is still one letter')
  mended = true
  await app.deadLetters.replay({ all: true })
  await app.idle()
  assert.deepEqual(await app.deadLetters.list(), [])
  assert.equal((await app.deadLetters.show(letter.id)).summary.state, 'resolved')
  await app.stop()
})

test('an app that never becomes idle says what is left', async () => {
  const stuck = onRecord(orders, () => new Promise<void>(() => {}))
  const app = await testApp(defineConfig({ name: 'test', mappings: { charge: { source: orders, function: stuck } } }))
  await app.send(orders, [{ data: { id: 'a', total: 1 } }])
  await assert.rejects(app.idle({ timeoutMs: 200 }), /1 records are left; charge: 1 in flight, 1 batches running/)
  await app.stop()
})

test('invoke tells what became of each record', async () => {
  const result = await invoke(charge, orders, [
    { data: { id: 'fine', total: 1 } },
    { data: { id: 'always', total: 1 } },
    { data: { id: 'negative', total: -1 } },
    { body: Buffer.from('{"id": 7}') },
    { body: Buffer.from('not json') },
  ])
  assert.deepEqual(result.accepted, ['1'])
  assert.deepEqual(
    result.failed.map(({ id, retryable, error }) => [id, retryable, error.message]),
    [
      ['2', true, 'out of luck'],
      ['3', false, 'negative total'],
    ],
  )
  assert.deepEqual(
    result.refused.map(({ id, verdict }) => [id, verdict]),
    [
      ['4', 'invalid'],
      ['5', 'undecodable'],
    ],
  )
  assert.equal(result.sent.length, 1)
  assert.equal(result.error, undefined)
})

test('invoke refuses data that does not fit the channel, and a handler of another channel', async () => {
  await assert.rejects(invoke(charge, orders, [{ data: { id: 'x', total: Number.NaN } }]), { code: 'SEND_INVALID' })
  await assert.rejects(invoke(charge, receipts, [{ data: { order: 'x' } }]), { code: 'FUNCTION_MISMATCH' })
})

test('a function that runs while the app stops can still send, and its record is settled', async () => {
  let open = (): void => undefined
  const gate = new Promise<void>(resolve => {
    open = resolve
  })
  const sentFirst: boolean[] = []
  const slow = onRecord(orders, async (order, context) => {
    await gate
    await context.send(receipts, [{ data: { order: order.data.id } }])
    sentFirst.push(true)
  })
  const app = await testApp(
    defineConfig({ name: 'test', mappings: { charge: { source: orders, function: slow } }, channels: [receipts] }),
  )
  await app.send(orders, [{ data: { id: 'a', total: 1 } }])
  await app.advance(0)
  const stopping = app.stop()
  open()
  await stopping
  assert.deepEqual(sentFirst, [true])
  assert.equal(app.records(receipts).length, 1)
  await assert.rejects(app.send(orders, [{ data: { id: 'b', total: 1 } }]), { code: 'APP_STATE' })
})
