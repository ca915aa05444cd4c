/** Records that wait for a retry: what they hold up, and what they do not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { request } from '../../../core/testing/contract/reading.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { openTopic } from './opened.ts'
import { APP_GROUP, runApp, statusOf } from './running-app.ts'

const kafka = sharedBroker('kafka')
const skip = kafka.missing
/** A rebalance that waited for the whole drain would outlast the patience of these tests by far. */
const LONG_DRAIN = { sessionTimeout: '30s', rebalanceTimeout: '10m', rebalanceDrain: '5m' } as const
const LONG_WAIT = { initial: '10m', max: '10m', jitter: 'none' } as const

for (const order of ['lane', 'key', 'none'] as const)
  test(`a rebalance does not wait for a record that only waits itself, and its attempts go with it: order ${order}`, {
    skip,
  }, async context => {
    const opened = await openTopic(context, (await kafka.address()).url, { partitions: 2 })
    const one = await runApp(context, opened, {
      connection: LONG_DRAIN,
      mapping: { order, batchSize: 1, backoff: LONG_WAIT },
      work: () => {
        throw new Error('it always fails')
      },
    })
    await opened.publish([0, 1].map(partition => ({ key: `k${partition}`, value: 'fails', partition })))
    await until('both have failed once and wait', () => one.tried.length === 2 && statusOf(one).waiting >= 2)
    const other = await opened.open({ group: APP_GROUP }, LONG_DRAIN)
    const [moved] = await until('one of them comes to the new member', async () => {
      const found = await other.poll(request({ waitMs: 200 }))
      return found.length > 0 ? found : undefined
    })
    assert.equal(moved?.attempts, 1)
    await until('the other one waits on where it was', () => statusOf(one).waiting === 1)
    assert.equal(one.tried.length, 2, 'a rebalance costs no attempt')
    await other.close()
  })

test('a rebalance waits for the function that runs, not for the key that waits beside it', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const held = Promise.withResolvers<void>()
  const one = await runApp(context, opened, {
    connection: LONG_DRAIN,
    mapping: { order: 'key', batchSize: 1, backoff: LONG_WAIT },
    work: ({ body }) => {
      if (body === 'fails') throw new Error('it always fails')
      return held.promise
    },
  })
  await opened.publish(['fails', 'runs'].map(value => ({ key: value, value })))
  await until('one waits, one runs', () => one.tried.length === 2 && statusOf(one).blocked.length === 1)
  const joining = opened.open({ group: APP_GROUP }, LONG_DRAIN)
  await until('what waited was asked back', () => statusOf(one).waiting === 0)
  assert.ok(one.tried.every(({ signal }) => !signal.aborted))
  assert.equal(statusOf(one).running, 1)
  held.resolve()
  await (await joining).close()
  assert.equal(await opened.committed(APP_GROUP), 0)
  await until('it is counted', () => statusOf(one).counts.accepted === 1)
})

test('with order key, one record that always fails holds up its own key only', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  let mended: 'yes' | 'no' = 'no'
  const one = await runApp(context, opened, {
    mapping: { order: 'key', batchSize: 20, maxAttempts: 1_000, backoff: { initial: '50ms', max: '200ms' } },
    work: ({ body }) => {
      if (body === 'bad 0' && mended === 'no') throw new Error('it fails until it is mended')
    },
  })
  const good = Array.from({ length: 500 }, (_, index) => ({ key: `good ${index % 50}`, value: `good ${index}` }))
  const bad = Array.from({ length: 10 }, (_, index) => ({ key: 'bad', value: `bad ${index}` }))
  await opened.publish([...bad.slice(0, 5), ...good.slice(0, 250), ...bad.slice(5), ...good.slice(250)])
  await until('all other keys are processed', () => statusOf(one).counts.accepted === good.length)
  await until('the bad one was tried again and again', () => one.tried.filter(({ key }) => key === 'bad').length > 5)
  assert.deepEqual([...new Set(one.tried.filter(({ key }) => key === 'bad').map(({ body }) => body))], ['bad 0'])
  assert.equal(await opened.committed(APP_GROUP), 0, 'the lowest unfinished offset')
  assert.match(statusOf(one).blocked.join(), /0: bad$/)
  mended = 'yes'
  await until('the followers go on', () => statusOf(one).counts.accepted === good.length + bad.length)
  assert.equal(await opened.committed(APP_GROUP), good.length + bad.length)
  for (const key of ['bad', 'good 7']) {
    const offsets = one.tried.filter(tried => tried.key === key).map(({ offset }) => offset)
    assert.deepEqual(
      offsets,
      offsets.toSorted((a, b) => a - b),
      `the order of ${key}`,
    )
  }
})

test('with order key, a clean restart behind a failing record repeats nothing of the others', {
  skip,
}, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const plan = {
    mapping: { order: 'key', batchSize: 20, backoff: LONG_WAIT },
    work: ({ body }: { readonly body: string }) => {
      if (body === 'bad') throw new Error('it always fails')
    },
  } as const
  const first = await runApp(context, opened, plan)
  const good = (from: number) =>
    Array.from({ length: 200 }, (_, index) => ({ key: `k${index % 20}`, value: `good ${from + index}` }))
  await opened.publish([{ key: 'bad', value: 'bad' }, ...good(0)])
  await until('the others are processed', () => statusOf(first).counts.accepted === 200)
  await first.app.stop()
  assert.equal(await opened.committed(APP_GROUP), 0)
  await opened.publish(good(200))
  const second = await runApp(context, opened, plan)
  await until('the later ones are processed', () => statusOf(second).counts.accepted === 200)
  await until('the failing one was tried again', () => second.tried.some(({ body }) => body === 'bad'))
  const again = second.tried.filter(({ body }) => first.tried.some(before => before.body === body))
  assert.deepEqual(
    again.map(({ body, attempt }) => [body, attempt]),
    [['bad', 2]],
  )
})
