/** Checked by tsc: each line marked as an error has to be one. The test itself only shows that the file loads. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { embedded } from '../../../connectors/embedded/channel.ts'
import { HANDLER } from '../../../core/function/handler.ts'
import { onBatch } from '../../../core/function/on-batch.ts'
import { onEvent } from '../../../core/function/on-event.ts'
import { onRecord } from '../../../core/function/on-record.ts'
import { processBatch } from '../../../core/function/process-batch.ts'
import { idempotent } from '../../../core/idempotency/idempotent.ts'
import { memoryIdempotency } from '../../../core/idempotency/memory-store.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Same<A, B>): void => {}

const local = embedded()
const orders = local.queue('orders', { schema: z.object({ id: z.string(), total: z.number() }) })
const receipts = local.topic('receipts', { schema: z.object({ order: z.string(), at: z.string().transform(Number) }) })
const images = local.queue('images', { codec: 'bytes' })
const notes = local.queue('notes', { codec: 'text' })

const byRecord = onRecord(orders, async (order, context) => {
  same<typeof order.data, { id: string; total: number }>(true)
  // @ts-expect-error a misspelt field of data
  order.data.totl
  // @ts-expect-error a misspelt field of the record
  order.idempotencykey
  // @ts-expect-error a misspelt field of the context
  context.sennd
  // @ts-expect-error data is not to be written to through the record
  order.data = { id: '', total: 0 }
  await context.send(receipts, [{ data: { order: order.data.id, at: '1' }, key: order.key }])
  // @ts-expect-error what is sent is what the schema takes, not what it makes of it
  await context.send(receipts, [{ data: { order: order.data.id, at: 1 } }]).catch(() => {})
  // @ts-expect-error a field is missing
  await context.send(receipts, [{ data: { order: order.data.id } }]).catch(() => {})
  // @ts-expect-error a channel is a value, not its name
  await context.send('receipts', [])
  // @ts-expect-error text is not bytes
  await context.send(images, [{ data: 'text' }]).catch(() => {})
  // @ts-expect-error a misspelt field of a record to send
  await context.send(notes, [{ data: 'text', kye: 'k' }]).catch(() => {})
})

const byBatch = onBatch(receipts, batch => {
  same<(typeof batch)[number]['data'], { order: string; at: number }>(true)
  return { batchItemFailures: batch.map(({ id }) => ({ itemIdentifier: id })) }
})

// @ts-expect-error a misspelt name in the answer
onBatch(orders, batch => ({ batchItemFailure: batch }))
// @ts-expect-error an answer is not a list of ids
onBatch(orders, async batch => batch.map(({ id }) => id))
// @ts-expect-error a misspelt option
onRecord(orders, () => {}, { concurency: 2 })

onRecord(orders, (_, context) => same<typeof context.fence, number | undefined>(true), {
  idempotency: { key: order => order.data.id, ttl: '7d' },
})
onRecord(orders, () => {}, { idempotency: { key: 'data.id', validate: ({ data }) => data.total } })
const store = memoryIdempotency()
const charge = idempotent(async (order: { id: string }) => order.id.length, { store, name: 'n', key: ({ id }) => id })
same<Awaited<ReturnType<typeof charge>>, number>(true)
const skipping = idempotent((order: { id: string }) => order.id, {
  store,
  name: 'n',
  key: ({ id }) => id,
  onInProgress: 'skip',
})
same<Awaited<ReturnType<typeof skipping>>, string | undefined>(true)
const forgetting = idempotent((order: { id: string }) => order.id, { store, name: 'n', key: o => o.id, result: 'none' })
same<Awaited<ReturnType<typeof forgetting>>, undefined>(true)
/** Wrong at run time as well, so none of them is called. */
const neverCalled: readonly (() => unknown)[] = [
  // @ts-expect-error there is no idempotency without a key
  () => onRecord(orders, () => {}, { idempotency: { ttl: '7d' } }),
  // @ts-expect-error a path begins with what a record has
  () => onRecord(orders, () => {}, { idempotency: { key: 'dat.id' } }),
  // @ts-expect-error a misspelt field of data
  () => onRecord(orders, () => {}, { idempotency: { key: order => order.data.idd } }),
  // @ts-expect-error a duration has a unit
  () => onRecord(orders, () => {}, { idempotency: { key: 'id', ttl: '7' } }),
  // @ts-expect-error keys of different functions must not meet: a name is needed
  () => idempotent((id: string) => id, { store, key: (id: string) => id }),
  // @ts-expect-error a BigInt is no key
  () => idempotent((id: bigint) => id, { store, name: 'n', key: id => id }),
  () =>
    processBatch(sqs, (each, context) => same<typeof context.fence, number>(each.body !== '' || true), {
      idempotency: { name: 'n', store, key: each => each.messageId },
    }),
  // @ts-expect-error without idempotency there is no fence
  () => processBatch([{ id: '1' }], (_, context) => context.fence),
  // @ts-expect-error a path is for records of Millrace's own form
  () => processBatch([{ id: '1' }], () => {}, { idempotency: { name: 'n', store, key: 'record.id' } }),
]
const sqs: readonly { readonly messageId: string; readonly body: string }[] = []

const bySeveral = onRecord([orders, images], record => {
  same<typeof record.data, { id: string; total: number } | Uint8Array<ArrayBufferLike>>(true)
})

interface SqsEvent {
  readonly Records: readonly { readonly messageId: string; readonly body: string }[]
}

const byEvent = onEvent<SqsEvent>(orders, async (event, context) => {
  same<typeof event, SqsEvent>(true)
  // @ts-expect-error a misspelt field of the event
  event.Recrods
  // @ts-expect-error a misspelt field of the context
  context.awsRequestID
  return { batchItemFailures: event.Records.map(({ messageId }) => ({ itemIdentifier: messageId })) }
})

/** As AWS's own types have it: a context of theirs, and a callback that nobody calls. */
type AwsHandler<Event, Result> = (
  event: Event,
  context: { readonly awsRequestId: string; done(error?: Error): void },
  callback: (error: Error | null, result?: Result) => void,
) => undefined | Promise<Result>
const fromAws: AwsHandler<SqsEvent, { readonly batchItemFailures: readonly object[] }> = async event => ({
  batchItemFailures: event.Records.slice(1),
})
same<Parameters<typeof byEvent>[0], Parameters<ReturnType<typeof wrapped>>[0]>(true)
const wrapped = () => onEvent(orders, fromAws)

// @ts-expect-error an event is not a list of records
onEvent<SqsEvent>(orders, async event => event.map(() => 1))

test('handlers carry the channels they were written for', () => {
  assert.deepEqual([byEvent[HANDLER].channels, byEvent[HANDLER].takes], [[orders], 'event'])
  assert.deepEqual(byRecord[HANDLER].channels, [orders])
  assert.deepEqual(byBatch[HANDLER].channels, [receipts])
  assert.deepEqual(bySeveral[HANDLER].channels, [orders, images])
  assert.equal(neverCalled.length, 9)
})
