import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { processBatch } from '../../../core/function/process-batch.ts'
import { memoryIdempotency } from '../../../core/idempotency/memory-store.ts'
import { faultyStore } from '../idempotency/faulty-store.ts'

/** As SQS gives them: what tells of the delivery differs each time. */
const message = (id: string, body: string, receives = 1) => ({
  messageId: id,
  body,
  attributes: { ApproximateReceiveCount: String(receives) },
})

test("AWS's records run once for their key; the answer names what failed by its messageId", async () => {
  const store = memoryIdempotency()
  const ran: string[] = []
  let failing = true
  const batch = (receives: number) =>
    processBatch(
      [message('m1', 'a', receives), message('m2', 'b', receives), message('m3', 'c', receives)],
      async ({ messageId }, { idempotencyKey, fence }) => {
        ran.push(messageId)
        assert.ok(idempotencyKey.startsWith('orders:') && fence > 0)
        await turn()
        if (messageId === 'm2' && failing) throw new Error('no')
      },
      { concurrency: 2, idempotency: { store, name: 'orders', key: ({ body }) => body } },
    )
  const first = await batch(1)
  assert.deepEqual(
    first.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier),
    ['m2'],
  )
  failing = false
  assert.deepEqual(await batch(2), { batchItemFailures: [] })
  assert.deepEqual(ran, ['m1', 'm2', 'm3', 'm2'])
})

test('without idempotency it runs each record, in the order that is asked for', async () => {
  for (const [order, ran] of [
    ['none', ['1', '2', '3', '4']],
    ['key', ['1', '2', '3']],
    ['lane', ['1']],
  ] as const) {
    const seen: string[] = []
    const { batchItemFailures } = await processBatch(
      ['1', '2', '3', '4'].map((id, index) => ({ id, key: index % 3 === 0 ? 'a' : 'b' })),
      ({ id }) => {
        seen.push(id)
        if (id === '1') throw new Error('no')
      },
      { order },
    )
    assert.deepEqual(seen, ran)
    assert.equal(batchItemFailures.length, 1)
  }
})

test('an aborted signal ends it before the next record', async () => {
  const stop = new AbortController()
  const running = processBatch([{ id: '1' }, { id: '2' }], () => stop.abort(), { signal: stop.signal })
  await assert.rejects(running, { name: 'AbortError' })
})

test('a thousand records are claimed in one round trip and told in another', async () => {
  const store = faultyStore(memoryIdempotency())
  const batch = Array.from({ length: 1_000 }, (_, index) => ({ id: `${index}` }))
  await processBatch(batch, () => {}, { idempotency: { store, name: 'n', key: ({ id }) => id } })
  assert.equal(store.calls.claim, 1)
  assert.ok(store.calls.write <= 5, `${store.calls.write} writes`)
})

test('what is missing is said', async () => {
  const idempotency = { store: memoryIdempotency(), name: 'n', key: () => 'k' }
  await assert.rejects(
    processBatch([{ a: 1 }], () => {}),
    /has no id, messageId or itemIdentifier/,
  )
  await assert.rejects(
    processBatch([{ id: '1' }], () => {}, { concurrency: 0 }),
    /concurrency must be/,
  )
  const { name: _, ...nameless } = idempotency
  await assert.rejects(
    processBatch([{ id: '1' }], () => {}, { idempotency: nameless }),
    /name must be given/,
  )
  for (const name of ['', 'with spaces', 'ü'])
    await assert.rejects(
      processBatch([{ id: '1' }], () => {}, { idempotency: { ...idempotency, name } }),
      /name must be 1 to 150 printable/,
    )
  const { store: __, ...homeless } = idempotency
  await assert.rejects(
    processBatch([{ id: '1' }], () => {}, { idempotency: homeless }),
    /store must be given/,
  )
})
