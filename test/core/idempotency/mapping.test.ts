import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { embedded } from '../../../connectors/embedded/channel.ts'
import type { FunctionContext } from '../../../core/function/context.ts'
import { onBatch } from '../../../core/function/on-batch.ts'
import { onRecord } from '../../../core/function/on-record.ts'
import type { Batch } from '../../../core/function/record.ts'
import { silentLog } from '../../../core/log.ts'
import { testApp } from '../../../core/testing/test-app.ts'

interface Order {
  readonly of: string
  readonly total?: number
}

const local = embedded()
const orders = local.queue<Order>('orders')

const appWith = async (
  handler: unknown,
  {
    context: testContext,
    ...mapping
  }: { context: { after(run: () => Promise<void>): void } } & Record<string, unknown>,
  log = silentLog,
) => {
  const app = await testApp(
    { name: 'shop', mappings: { charge: { source: orders, function: handler as never, maxAttempts: 3, ...mapping } } },
    { log },
  )
  testContext.after(() => app.stop())
  return app
}

const counts = (app: Awaited<ReturnType<typeof appWith>>) => {
  const found = app.status().mappings[0]?.counts
  return { accepted: found?.accepted, rejected: found?.parked }
}

const ids = (batch: Batch) => batch.map(({ data }) => (data as Order).of)

for (const [what, format, handler] of [
  ['a plain function', 'millrace', (seen: string[]) => async (batch: Batch) => void seen.push(...ids(batch))],
  ['onBatch', 'millrace', (seen: string[]) => onBatch(orders, batch => void seen.push(...ids(batch)))],
  ['onRecord', 'millrace', (seen: string[]) => onRecord(orders, ({ data }) => void seen.push(data.of))],
  [
    'code for Lambda',
    'lambda',
    (seen: string[]) => async (event: { Records: { body: string }[] }) =>
      void seen.push(...event.Records.map(({ body }) => JSON.parse(body).of)),
  ],
] as const)
  test(`idempotency on a mapping: ${what} gets each key once, and is not touched`, async context => {
    const seen: string[] = []
    const app = await appWith(handler(seen), { context, format, idempotency: { key: 'data.of' } })
    const sent = ['a', 'b', 'a', 'c', 'b']
    await app.send(
      orders,
      sent.map((of): { data: Order } => ({ data: { of } })),
    )
    await app.idle()
    await app.send(orders, [{ data: { of: 'a' } }, { data: { of: 'd' } }])
    await app.idle()
    assert.deepEqual(seen.sort(), ['a', 'b', 'c', 'd'])
    assert.deepEqual(counts(app), { accepted: 7, rejected: 0 })
  })

test('what failed runs again, and what hung on it is decided by how that ends', async context => {
  const seen: string[] = []
  const app = await appWith(
    onRecord(orders, ({ data, attempt }) => {
      seen.push(`${data.of}${attempt}`)
      if (data.of === 'a' && attempt === 1) throw new Error('once')
    }),
    { context, idempotency: { key: 'data.of' } },
  )
  await app.send(
    orders,
    ['a', 'a', 'b'].map(of => ({ data: { of } })),
  )
  await app.idle()
  assert.deepEqual(seen.filter(each => each !== 'b1').length, 2, 'once in vain, and once for both')
  assert.deepEqual(seen.filter(each => each === 'b1').length, 1)
  assert.deepEqual(counts(app), { accepted: 3, rejected: 0 })
})

test('another payload and a missing key are parked, each for what it is', async context => {
  const seen: string[] = []
  const app = await appWith(
    onRecord(orders, ({ data }) => void seen.push(data.of)),
    {
      context,
      idempotency: { key: 'data.of' },
    },
  )
  await app.send(orders, [{ data: { of: 'a', total: 1 } }])
  await app.idle()
  await app.send(orders, [{ data: { of: 'a', total: 2 } }, { data: {} as Order }, { data: { of: 'b' } }])
  await app.idle()
  const letters = await app.deadLetters.list()
  const codes = await Promise.all(letters.map(async ({ id }) => (await app.deadLetters.show(id)).letter))
  assert.deepEqual(codes.map(({ error, reason }) => `${error.code} ${reason}`).sort(), [
    'IDEMPOTENCY_KEY_INVALID not-retryable',
    'IDEMPOTENCY_PAYLOAD_DIFFERS not-retryable',
  ])
  assert.deepEqual(seen, ['a', 'b'])
})

test('a batch that fails as a whole is split among what it was given; what was done before stays done', async context => {
  const batches: string[][] = []
  const app = await appWith(
    onBatch(orders, batch => {
      batches.push(ids(batch))
      if (ids(batch).includes('bad')) throw new Error('poison')
    }),
    { context, idempotency: { key: 'data.of' } },
  )
  await app.send(
    orders,
    ['a', 'b'].map(of => ({ data: { of } })),
  )
  await app.idle()
  await app.send(
    orders,
    ['a', 'bad', 'c', 'b', 'd'].map(of => ({ data: { of } })),
  )
  await app.idle()
  assert.deepEqual(counts(app), { accepted: 6, rejected: 1 })
  const succeeded = batches.filter(batch => !batch.includes('bad')).flat()
  assert.deepEqual(succeeded.sort(), ['a', 'b', 'c', 'd'])
})

test('in a lane nothing runs past a record whose key is being processed elsewhere', async context => {
  const seen: string[] = []
  const slow = Promise.withResolvers<void>()
  const app = await testApp({
    name: 'shop',
    mappings: {
      charge: {
        source: local.stream<Order>('lane'),
        function: onRecord(local.stream<Order>('lane'), async ({ data }) => {
          seen.push(data.of)
          if (data.of === 'slow') await slow.promise
        }) as never,
        order: 'key',
        batchSize: 10,
        idempotency: { key: 'data.of' },
      },
    },
  })
  context.after(() => app.stop())
  const lane = local.stream<Order>('lane')
  await app.send(lane, [{ data: { of: 'slow' }, key: 'x' }])
  await app.advance(10)
  await app.send(lane, [
    { data: { of: 'first' }, key: 'y' },
    { data: { of: 'slow' }, key: 'y' },
    { data: { of: 'behind' }, key: 'y' },
  ])
  await app.advance(10)
  await pause(5)
  await app.advance(10)
  assert.deepEqual(seen, ['slow', 'first'])
  slow.resolve()
  await app.idle()
  assert.deepEqual(seen, ['slow', 'first', 'behind'])
})

test('what is in progress elsewhere costs no attempt, however long it takes', async context => {
  const slow = Promise.withResolvers<void>()
  let runs = 0
  const app = await appWith(
    onRecord(orders, async () => {
      runs += 1
      await slow.promise
    }),
    { context, maxAttempts: 1, batchSize: 1, idempotency: { key: 'data.of' } },
  )
  await app.send(orders, [{ data: { of: 'a' } }])
  await app.advance(1)
  await app.send(orders, [{ data: { of: 'a' } }])
  await app.advance(1_000)
  slow.resolve()
  await app.idle()
  assert.equal(runs, 1)
  assert.deepEqual(counts(app), { accepted: 2, rejected: 0 })
})

test('the function is told the key and the fence that its mapping claimed', async context => {
  const seen: { key: string; fence: number }[] = []
  const app = await appWith(
    onRecord(orders, ({ idempotencyKey, fence, attempt }) => {
      seen.push({ key: idempotencyKey, fence })
      if (attempt < 3) throw new Error('again')
    }),
    { context, idempotency: { key: 'data.of' } },
  )
  await app.send(orders, [{ data: { of: 'a' } }])
  await app.idle()
  assert.equal(new Set(seen.map(({ key }) => key)).size, 1)
  assert.match(seen[0]?.key ?? '', /^shop\/charge:/)
  assert.ok(
    seen.length === 3 && (seen[0]?.fence ?? 0) < (seen[1]?.fence ?? 0) && (seen[1]?.fence ?? 0) < (seen[2]?.fence ?? 0),
  )
})

test('both a mapping and its function may have it; two mappings of one channel know nothing of each other', async context => {
  const stream = local.stream<Order>('events')
  const seen: string[] = []
  const handle = (name: string) =>
    onRecord(
      stream,
      ({ data }: { data: Order }, { idempotencyKey }: FunctionContext) =>
        void seen.push(`${name} ${data.of} ${idempotencyKey?.split(':')[0]}`),
      {
        idempotency: { key: 'data.of' },
      },
    ) as never
  const app = await testApp({
    name: 'shop',
    mappings: {
      charge: { source: stream, function: handle('charge'), idempotency: { key: 'data.of' } },
      mail: { source: stream, function: handle('mail') },
    },
  })
  context.after(() => app.stop())
  await app.send(
    stream,
    ['a', 'a'].map(of => ({ data: { of } })),
  )
  await app.idle()
  assert.deepEqual(seen.sort(), ['charge a shop/charge/record', 'mail a shop/mail/record'])
})

const FORGETFUL = { key: 'data.of', ttl: '2s' } as const

for (const [where, ofMapping, ofFunction] of [
  ['the mapping', { idempotency: FORGETFUL }, {}],
  ['its function', {}, { idempotency: FORGETFUL }],
] as const)
  test(`a dead letter that is replayed after ${where} forgot its key runs, with a warning`, async context => {
    const warned: string[] = []
    const log = { ...silentLog, warn: (message: string) => void warned.push(message), with: () => log }
    let failing = true
    const handler = onRecord(
      orders,
      () => {
        if (failing) throw new Error('no')
      },
      ofFunction,
    )
    const app = await appWith(handler, { context, ...ofMapping }, log)
    const replay = async (of: string) => {
      failing = true
      await app.send(orders, [{ data: { of } }])
      await app.idle()
      failing = false
      const [letter] = await app.deadLetters.list()
      return { now: () => app.deadLetters.replay({ ids: [letter?.id ?? ''] } as never).then(() => app.idle()) }
    }
    const aged = (): number =>
      warned.filter(line => /^shop\/charge\S*: 1 replayed records are older than ttl \(2s\)/.test(line)).length
    await (await replay('soon')).now()
    assert.equal(aged(), 0, warned.join('\n'))
    const late = await replay('late')
    await app.advance(5_000)
    await late.now()
    assert.equal(aged(), 1, warned.join('\n'))
  })
