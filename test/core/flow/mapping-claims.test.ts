import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Delivery, Source } from '../../../core/contract.ts'
import type { Outcome } from '../../../core/engine/contract.ts'
import { deliveryOf } from './entries.ts'
import { feed } from './feed.ts'
import { ACCEPT, named, setUp, THROW } from './running.ts'

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

test('what is given back in the order of a key is not overtaken by what its source had fetched already', async () => {
  const mailbox: Delivery[] = []
  const { mapping, send, pass, invoked } = await setUp({
    policy: { order: 'key', batchSize: 1, maxInFlight: 2, maxAttempts: 5 },
    answer: ids => (ids.includes('a') && invoked.length < 3 ? RETRY_IN_A_MINUTE : ACCEPT),
    adaptSource: source => prefetching(source, mailbox),
  })
  await send('a:k', 'b:k', 'c:k', 'd:k')
  await mapping.start()
  await pass(300_000)
  assert.equal(invoked.map(({ ids }) => ids).join(' '), 'a a a b c d')
  await mapping.stop()
})

const RETRY_IN_A_MINUTE: Outcome = {
  kind: 'answered',
  value: { batchItemFailures: [{ itemIdentifier: 'a', retryAfterMs: 60_000 }] },
  refused: [],
}

/** As clients with a window do: claims more than it is asked for, and hands that out first. */
const prefetching = (source: Source, mailbox: Delivery[]): Source => ({
  ...source,
  deferStepsMs: [],
  maxClaimMs: 20_000,
  async poll(request) {
    if (mailbox.length === 0) mailbox.push(...(await source.poll({ ...request, max: 3, maxPerLane: 3 })))
    return mailbox.splice(0, request.max)
  },
  async pause() {
    await source.settle(mailbox.splice(0).map(delivery => ({ delivery, outcome: 'released', attempts: 0 })))
    await source.pause()
  },
})

test('giving a claim back does not make anybody forget since when it is only tried for free', async () => {
  const { mapping, send, pass, letters } = await setUp({
    policy: { maxFreeWaitMs: 100_000, batchSize: 1 },
    answer: () => ({ kind: 'not-ready', error: { name: 'Init', message: 'no' } }),
    adaptSource: source => ({ ...source, deferStepsMs: [], maxClaimMs: 20_000 }),
  })
  await send('a')
  await mapping.start()
  await pass(90_000)
  assert.deepEqual([letters.size, mapping.status().counts.released > 2], [0, true])
  await pass(60_000)
  assert.equal(letters.get('a')?.reason, 'starved')
  await mapping.stop()
})

const TWENTY_SECONDS = { initialMs: 20_000, factor: 1, maxMs: 20_000, jitter: 'none' } as const

test('what waits long for a free try is deferred as well', async () => {
  const { mapping, send, pass } = await setUp({
    policy: { batchSize: 4, backoff: TWENTY_SECONDS },
    answer: () => THROW,
    adaptSource: source => ({ ...source, deferStepsMs: 'any' }),
  })
  await send('a', 'b', 'c', 'd')
  await mapping.start()
  await pass(1_000)
  const { inFlight, counts } = mapping.status()
  assert.deepEqual([inFlight, counts.deferred, counts.invocations], [0, 4, 5], 'splitting was given up for two of them')
  await mapping.stop()
})

test('an open breaker gives nothing back: what it has is what it probes with', async () => {
  const { mapping, send, pass } = await setUp({
    policy: { batchSize: 1, backoff: TWENTY_SECONDS },
    answer: () => ({ kind: 'not-ready', error: { name: 'Init', message: 'no' } }),
    adaptSource: source => ({ ...source, deferStepsMs: 'any' }),
  })
  await send('a')
  await mapping.start()
  await pass(15_000)
  assert.deepEqual(
    [mapping.status().breaker, mapping.status().inFlight, mapping.status().counts.deferred],
    ['open', 1, 0],
  )
  await mapping.stop()
})
