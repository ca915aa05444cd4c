import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deliveryOf } from './entries.ts'
import { feed } from './feed.ts'
import { ACCEPT, named, setUp } from './running.ts'

test('a record that is parked already is settled without invoking', async () => {
  const { source, settled } = feed(deliveryOf('a', { priorDeliveries: 1 }))
  const { mapping, pass, invoked } = await setUp({
    answer: () => ACCEPT,
    openSource: async () => source,
    store: { recall: async () => new Map([['a', { parked: true, attempts: [] }]]) },
  })
  await mapping.start()
  await pass(100)
  assert.deepEqual([invoked.length, settled.map(({ outcome }) => outcome)], [0, ['rejected']])
  await mapping.stop()
})

test('a record whose claim was lost waits until its earlier run has ended, so that it never runs twice at once', async () => {
  const claim = new AbortController()
  const { source, give } = feed(deliveryOf('a', { lost: claim.signal }), deliveryOf('b'))
  const { mapping, pass, invoked } = await setUp({
    policy: { maxConcurrency: 5, maxInFlight: 10 },
    answer: () => ACCEPT,
    invokeMs: 30_000,
    openSource: async () => source,
  })
  await mapping.start()
  await pass(50)
  give(deliveryOf('a'))
  claim.abort()
  await pass(20_000)
  assert.equal(mapping.status().waiting, 1)
  assert.equal(invoked.length, 1)
  await pass(20_000)
  assert.equal(invoked.length, 1, 'it was processed, as its run said in the end')
  assert.equal(mapping.status().inFlight, 0)
  await mapping.stop()
})

test('a record whose claim was lost while it ran, and that was processed, is not run again', async () => {
  const claim = new AbortController()
  const { source, settled, give } = feed(deliveryOf('lost', { lost: claim.signal }), deliveryOf('kept'))
  const { mapping, pass, invoked } = await setUp({
    answer: () => ACCEPT,
    invokeMs: 100,
    openSource: async () => source,
  })
  await mapping.start()
  await pass(50)
  give(deliveryOf('lost'))
  claim.abort()
  await pass(1_000)
  await mapping.pause()
  await mapping.resume()
  await pass(10_000)
  assert.equal(invoked.map(({ ids }) => ids).join(), 'lost kept')
  assert.deepEqual(
    settled.map(({ delivery, outcome }) => `${delivery.record.id} ${outcome}`),
    ['kept accepted', 'lost accepted'],
  )
  await mapping.stop()
})

test('a record whose claim is lost while it is being parked does not run again', async () => {
  const claim = new AbortController()
  const { source, settled, give } = feed(deliveryOf('a', { lost: claim.signal }))
  let stored = (): void => {}
  const { mapping, pass, invoked } = await setUp({
    policy: { maxAttempts: 1 },
    answer: ids => named(...ids),
    openSource: async () => source,
    store: { park: () => new Promise(resolve => (stored = () => resolve('parked'))) },
  })
  await mapping.start()
  await pass(100)
  claim.abort()
  give(deliveryOf('a'))
  await pass(1_000)
  assert.deepEqual([invoked.length, mapping.status().waiting], [1, 1])
  stored()
  await pass(1_000)
  assert.deepEqual([invoked.length, settled.map(({ outcome }) => outcome)], [1, ['rejected']])
  await mapping.stop()
})

test('of an ordered source every record is looked up: what was given back behind another one is not counted', async () => {
  const { source } = feed(deliveryOf('a', { priorDeliveries: 0 }))
  const asked: string[] = []
  const { mapping, pass } = await setUp({
    answer: () => ACCEPT,
    openSource: async () => ({ ...source, ordered: true }),
    store: {
      async recall(_mapping, _source, ids) {
        asked.push(...ids)
        return new Map()
      },
    },
  })
  await mapping.start()
  await pass(100)
  assert.deepEqual(asked, ['a'])
  await mapping.stop()
})

test('a claim that its source cannot keep is given back before 80 % of its time, with its attempts', async () => {
  const { source, settled } = feed(deliveryOf('slow'))
  const { mapping, pass, invoked } = await setUp({
    policy: { backoff: { initialMs: 600_000, factor: 1, maxMs: 600_000, jitter: 'none' } },
    answer: ids => named(...ids),
    openSource: async () => ({ ...source, maxClaimMs: 20_000 }),
  })
  await mapping.start()
  await pass(14_000)
  assert.ok(settled.length === 0, 'it is not given back yet')
  await pass(2_000)
  const [settlement] = settled
  assert.ok(settlement?.outcome === 'released')
  assert.equal(settlement.attempts, 1)
  assert.equal(invoked.length, 1)
  assert.equal(mapping.status().inFlight, 0)
  await mapping.stop()
})
