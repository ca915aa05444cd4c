import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Delivery, Settlement, Source } from '../../../core/contract.ts'
import { MillraceError } from '../../../core/errors.ts'
import { createSuspectTurn } from '../../../core/flow/suspect.ts'
import { deliveryOf } from './entries.ts'
import { ACCEPT, named, setUp, THROW } from './running.ts'

const numbered = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `r${index}`)

test('a lane that took its share goes on as soon as it has room, not when the poll has waited', async () => {
  const { mapping, send, pass, invoked } = await setUp({
    type: 'stream',
    policy: { order: 'lane', batchSize: 5 },
    answer: () => ACCEPT,
  })
  await send(...numbered(60))
  await mapping.start()
  await pass(1_000)
  assert.equal(mapping.status().counts.accepted, 60)
  assert.equal(invoked.length, 12)
  await mapping.stop()
})

test('an outage over a batch is found out in few invocations, not in one for every half', async () => {
  const { mapping, send, pass, invoked, letters } = await setUp({
    policy: { batchSize: 100, breaker: { failures: 10, initialMs: 1_000, maxMs: 8_000 }, maxAttempts: 3 },
    answer: () => THROW,
  })
  await send(...numbered(100))
  await mapping.start()
  await pass(500)
  assert.equal(mapping.status().breaker, 'open')
  assert.ok(invoked.length <= 1 + 14 + 7, `${invoked.length} invocations`)
  await pass(60_000)
  const probes = invoked.filter(({ atMs }) => atMs > 500)
  assert.ok(
    probes.every(({ ids }) => !ids.includes(' ')),
    'a probe is one record',
  )
  assert.ok(probes.length <= 4 + 60 / 8, `${probes.length} probes in a minute`)
  assert.equal(letters.size, 0)
  const stopped = mapping.stop()
  await pass(10_000)
  await stopped
})

test('one poison record among a hundred is found in 2·log2(n) splits, and takes nobody with it', async () => {
  const { mapping, send, pass, invoked, letters } = await setUp({
    policy: { batchSize: 100, maxAttempts: 1 },
    answer: ids => (ids.includes('r63') ? THROW : ACCEPT),
  })
  await send(...numbered(100))
  await mapping.start()
  await pass(5_000)
  assert.deepEqual([...letters.keys()], ['r63'])
  assert.equal(mapping.status().counts.accepted, 99)
  assert.ok(invoked.length <= 15, `${invoked.length} invocations`)
  await mapping.stop()
})

test('without bisect a lane waits for the longest delay of the batch that failed', async () => {
  const draws = [0.2, 0.9, 0.1]
  const { mapping, send, pass, invoked } = await setUp({
    type: 'stream',
    policy: { order: 'lane', bisect: false, backoff: { initialMs: 900, factor: 1, maxMs: 900, jitter: 'full' } },
    answer: () => (invoked.length === 1 ? THROW : ACCEPT),
    random: () => draws.shift() ?? 0.5,
  })
  await send('a', 'b', 'c')
  await mapping.start()
  await pass(20_000)
  assert.deepEqual(invoked, [
    { atMs: 0, ids: 'a b c' },
    { atMs: 10 + 810, ids: 'a b c' },
  ])
  await mapping.stop()
})

test('a pause and a resume at once leave the mapping reading', async () => {
  const { mapping, send, pass } = await setUp({ answer: () => ACCEPT })
  await mapping.start()
  await Promise.all([mapping.pause(), mapping.resume()])
  await send('a')
  await pass(1_000)
  assert.equal(mapping.status().state, 'running')
  assert.equal(mapping.status().counts.accepted, 1)
  await mapping.stop()
})

test('a mapping that is paused before its source is there does not read when it comes', async () => {
  let arrive: (() => void) | undefined
  const bench = await setUp({
    answer: () => ACCEPT,
    openSource: () =>
      new Promise<Source>((_, reject) => {
        arrive = () => reject(new MillraceError('SOURCE_FAILED', 'not yet'))
      }),
  })
  void bench.mapping.start()
  await bench.pass(10)
  await bench.mapping.pause()
  arrive?.()
  await bench.pass(10_000)
  assert.equal(bench.mapping.status().state, 'paused')
  await bench.mapping.resume()
  assert.equal(bench.mapping.status().state, 'starting')
  const stopped = bench.mapping.stop()
  arrive?.()
  await bench.pass(20_000)
  await stopped
})

test('a mapping that was stopped while its source was being opened closes it and never runs', async () => {
  let arrive: ((source: Source) => void) | undefined
  let closed = 0
  const bench = await setUp({
    answer: () => ACCEPT,
    openSource: () =>
      new Promise<Source>(resolve => {
        arrive = resolve
      }),
  })
  void bench.mapping.start()
  await bench.pass(10)
  const stopped = bench.mapping.stop()
  const close = async (): Promise<void> => {
    closed += 1
  }
  arrive?.(idleSource({ close }))
  await bench.pass(20_000)
  await stopped
  assert.equal(bench.mapping.status().state, 'stopped')
  assert.equal(closed, 1)
})

test('a source that hangs in settle is reopened after settleTimeout, and its records do not run again', async () => {
  let opened = 0
  const { mapping, send, pass, invoked } = await setUp({
    policy: { settleTimeoutMs: 10_000 },
    answer: () => ACCEPT,
    adaptSource: source => {
      opened += 1
      return opened === 1 ? { ...source, settle: () => new Promise(() => {}) } : source
    },
  })
  await send('a', 'b')
  await mapping.start()
  await pass(9_000)
  assert.equal(opened, 1)
  await pass(2_000)
  assert.equal(opened, 2)
  await pass(5_000)
  assert.equal(invoked.length, 1)
  assert.equal(mapping.status().counts.repeated, 2)
  assert.equal(mapping.status().inFlight, 0)
  await mapping.stop()
})

test('a fatal error of a poll ends the mapping with its message, and closes the source', async () => {
  let closed = 0
  const { mapping, pass } = await setUp({
    answer: () => ACCEPT,
    adaptSource: source => ({
      ...source,
      poll: () => Promise.reject(new MillraceError('SOURCE_FATAL', 'no such queue', { fatal: true })),
      async close() {
        closed += 1
      },
    }),
  })
  await mapping.start()
  await pass(1_000)
  const { state, healthy, lastError } = mapping.status()
  assert.deepEqual([state, healthy, lastError?.message, closed], ['failed', false, 'no such queue', 1])
  await mapping.stop()
  assert.equal(mapping.status().state, 'failed')
})

test('a key that failed waits, other keys and records without one go on', async () => {
  const { mapping, send, pass, invoked } = await setUp({
    policy: { order: 'key', batchSize: 1 },
    answer: ids =>
      ids.includes('a1') && invoked.filter(each => each.ids === 'a1').length === 1 ? named('a1') : ACCEPT,
  })
  await send('a1:a', 'a2:a', 'b1:b', 'n')
  await mapping.start()
  await pass(5_000)
  assert.equal(invoked.map(({ ids }) => ids).join(', '), 'a1, b1, n, a1, a2')
  await mapping.stop()
})

test('a lane that stopped behind a dead letter goes on when the mapping is resumed', async () => {
  const { mapping, send, pass, invoked, letters } = await setUp({
    type: 'stream',
    policy: { order: 'lane', batchSize: 1, maxAttempts: 1, onDeadLetter: 'stop' },
    answer: ids => (ids.includes('a') ? named('a') : ACCEPT),
  })
  await send('a', 'b', 'c')
  await mapping.start()
  await pass(60_000)
  assert.deepEqual([...letters.keys()], ['a'])
  assert.equal(invoked.length, 1)
  assert.equal(mapping.status().inFlight, 0, 'what is behind it was given back')
  await mapping.resume()
  await pass(60_000)
  assert.equal(mapping.status().counts.accepted, 2)
  await mapping.stop()
})

test('a record older than maxAge is parked at its turn, and its followers wait until it is', async () => {
  const answers: (() => void)[] = []
  const { mapping, send, pass, invoked } = await setUp({
    type: 'stream',
    policy: { order: 'lane', maxAgeMs: 5_000 },
    answer: () => ACCEPT,
    store: { park: () => new Promise(resolve => answers.push(() => resolve('parked'))) },
  })
  await send('old')
  await pass(6_000)
  await send('young')
  await mapping.start()
  await pass(1_000)
  assert.deepEqual(invoked, [])
  for (const answer of answers) answer()
  await pass(10)
  assert.equal(invoked.map(({ ids }) => ids).join(), 'young')
  await mapping.stop()
})

test('a record that can only be tried for free is parked as starved after maxFreeWait, not before', async () => {
  const { mapping, send, pass, letters } = await setUp({
    policy: { maxFreeWaitMs: 60_000, batchSize: 1 },
    answer: () => ({ kind: 'not-ready', error: { name: 'Init', message: 'no' } }),
  })
  await send('a')
  await mapping.start()
  await pass(55_000)
  assert.equal(letters.size, 0)
  assert.deepEqual([mapping.status().healthy, mapping.status().breaker], [false, 'open'])
  await pass(30_000)
  assert.equal(letters.get('a')?.reason, 'starved')
  assert.equal(letters.get('a')?.attempts.length, 0)
  await mapping.stop()
})

test('a probe is free: it does not use up the last attempt of a record without an order', async () => {
  const { mapping, send, pass, letters, invoked } = await setUp({
    policy: { breaker: { failures: 1, initialMs: 1_000, maxMs: 1_000 }, maxAttempts: 2, batchSize: 1 },
    answer: ids => named(...ids),
  })
  await send('a')
  await mapping.start()
  await pass(20_000)
  assert.ok(invoked.length > 10)
  assert.equal(letters.size, 0)
  await mapping.stop()
})

test('the head of a lane is parked after maxAttempts probes, and the breaker stays open', async () => {
  const { mapping, send, pass, letters } = await setUp({
    type: 'stream',
    policy: { order: 'lane', breaker: { failures: 1, initialMs: 1_000, maxMs: 1_000 }, maxAttempts: 3, batchSize: 1 },
    answer: ids => named(...ids),
  })
  await send('a', 'b')
  await mapping.start()
  await pass(3_900)
  assert.deepEqual([...letters.keys()], ['a'])
  assert.equal(mapping.status().breaker, 'open')
  await mapping.stop()
})

test('an open breaker asks for another record to probe with, so that one poisonous record cannot keep it open', async () => {
  const { mapping, send, pass } = await setUp({
    policy: { breaker: { failures: 1, initialMs: 1_000, maxMs: 1_000 }, maxAttempts: 5, batchSize: 1 },
    answer: ids => (ids.includes('poison') ? named('poison') : ACCEPT),
  })
  await send('poison')
  await mapping.start()
  await pass(5_500)
  assert.equal(mapping.status().breaker, 'open')
  await send('fine')
  await pass(2_000)
  assert.equal(mapping.status().counts.accepted, 1)
  await mapping.stop()
})

test('a success between failures keeps the breaker closed', async () => {
  const { mapping, send, pass } = await setUp({
    policy: { breaker: { failures: 2, initialMs: 60_000, maxMs: 60_000 }, batchSize: 1 },
    answer: ids => (ids.includes('fine') ? ACCEPT : named(...ids)),
  })
  await send('a', 'fine', 'b')
  await mapping.start()
  await pass(500)
  assert.equal(mapping.status().breaker, 'closed')
  await mapping.stop()
})

test('a lane whose head waits gives back what it claimed behind it', async () => {
  const { mapping, send, pass, invoked } = await setUp({
    type: 'stream',
    policy: { order: 'lane', batchSize: 2 },
    answer: () => (invoked.length === 1 ? named('a') : ACCEPT),
  })
  await send('a', 'b', 'c', 'd')
  await mapping.start()
  await pass(500)
  assert.deepEqual([mapping.status().inFlight, mapping.status().counts.released], [1, 3])
  await pass(5_000)
  assert.equal(invoked.map(({ ids }) => ids).join(', '), 'a b, a, b c, d')
  await mapping.stop()
})

test('a long wait goes to a source that can defer, a short one stays', async () => {
  const { mapping, send, pass, invoked } = await setUp({
    policy: { backoff: { initialMs: 3_000, factor: 2, maxMs: 60_000, jitter: 'none' } },
    answer: () => (invoked.length < 3 ? named('a') : ACCEPT),
  })
  await send('a')
  await mapping.start()
  await pass(100)
  assert.deepEqual([mapping.status().inFlight, mapping.status().counts.deferred], [1, 0])
  await pass(3_000)
  assert.deepEqual([mapping.status().inFlight, mapping.status().counts.deferred], [0, 1])
  await pass(10_000)
  assert.deepEqual(
    invoked.map(({ atMs }) => atMs),
    [0, 3_010, 9_020],
  )
  await mapping.stop()
})

test('time while the breaker was open does not count toward maxAge', async () => {
  const { mapping, send, pass, letters, invoked } = await setUp({
    policy: { breaker: { failures: 1, initialMs: 30_000, maxMs: 30_000 }, maxAgeMs: 10_000, maxAttempts: 5 },
    answer: () => (invoked.length === 1 ? named('a') : ACCEPT),
  })
  await send('a')
  await mapping.start()
  await pass(40_000)
  assert.equal(letters.size, 0)
  assert.equal(mapping.status().counts.accepted, 1)
  await mapping.stop()
})

test('an outage ages nothing that still lay in the broker either', async () => {
  const { mapping, send, pass, letters } = await setUp({
    policy: {
      batchSize: 1,
      maxInFlight: 1,
      breaker: { failures: 1, initialMs: 30_000, maxMs: 30_000 },
      maxAgeMs: 10_000,
    },
    answer: () => (mapping.status().counts.invocations === 0 ? THROW : ACCEPT),
  })
  await send('a', 'b', 'c')
  await mapping.start()
  await pass(40_000)
  assert.deepEqual([...letters.keys()], [])
  assert.equal(mapping.status().counts.accepted, 3)
  await mapping.stop()
})

test('records that a pause interrupts while the store is asked about them are given back', async () => {
  const { source, settled } = feed(deliveryOf('a', { attempts: 2 }))
  const { mapping, pass, invoked } = await setUp({
    answer: () => ACCEPT,
    openSource: async () => source,
    store: { recall: () => Promise.reject(new Error('locked')) },
  })
  await mapping.start()
  await pass(1_000)
  const paused = mapping.pause()
  await pass(1_000)
  await paused
  assert.deepEqual(
    settled.map(settlement => [settlement.outcome, settlement.outcome === 'released' && settlement.attempts]),
    [['released', 2]],
  )
  assert.deepEqual([invoked.length, mapping.status().inFlight], [0, 0])
  await mapping.stop()
})

test('a stop gives back what waits, with its attempts', async () => {
  const { source: plain, settled } = feed(deliveryOf('a'))
  const source: Source = { ...plain, deferStepsMs: 'any' }
  const { mapping, pass } = await setUp({ answer: ids => named(...ids), openSource: async () => source })
  await mapping.start()
  await pass(300)
  await mapping.stop()
  assert.deepEqual(
    settled.map(({ delivery: _, ...settlement }) => settlement),
    [{ outcome: 'deferred', attempts: 1, delayMs: 710 }],
  )
})

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

interface Feed {
  readonly source: Source
  readonly settled: Settlement[]
  /** What the next poll answers, or the one that waits. */
  give(...deliveries: readonly Delivery[]): void
}

const feed = (...first: readonly Delivery[]): Feed => {
  const waiting: (readonly Delivery[])[] = [first]
  const settled: Settlement[] = []
  let wake = (): void => {}
  const source = idleSource({
    async poll({ signal }) {
      if (waiting.length === 0)
        await new Promise<void>(resolve => {
          wake = resolve
          signal.addEventListener('abort', () => resolve())
        })
      return waiting.shift() ?? []
    },
    async settle(settlements) {
      settled.push(...settlements)
      return []
    },
  })
  return {
    source,
    settled,
    give(...deliveries) {
      waiting.push(deliveries)
      wake()
    },
  }
}

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

test('the later records of a failed key are tried again, also those of another lane', async () => {
  const { source } = feed(deliveryOf('one', { key: 'k' }), deliveryOf('two', { key: 'k', lane: '1' }))
  const { mapping, pass, invoked } = await setUp({
    policy: { order: 'key' },
    answer: () => (invoked.length === 1 ? named('one') : ACCEPT),
    openSource: async () => source,
  })
  await mapping.start()
  await pass(5_000)
  assert.deepEqual(invoked.map(({ ids }) => ids).sort(), ['one', 'one two', 'two'])
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

test('after three crashes in a row the first records of a source that does not count are tried alone', async () => {
  const records = ['a', 'b', 'c', 'd'].map(id => deliveryOf(id))
  const invokedWith = async (crashes: number): Promise<readonly string[]> => {
    const { source } = feed(...records)
    const { mapping, pass, invoked } = await setUp({
      policy: { maxInFlight: 3 },
      answer: () => ACCEPT,
      openSource: async () => source,
      crashes,
    })
    await mapping.start()
    await pass(1_000)
    await mapping.stop()
    return invoked.map(({ ids }) => ids)
  }
  assert.deepEqual(await invokedWith(2), ['a b c d'])
  assert.deepEqual(await invokedWith(3), ['a', 'b', 'c', 'd'])
})

test('a replay during which the process ended three times is parked again, not tried a fourth time', async () => {
  const { source } = feed(deliveryOf('replayed', { priorDeliveries: 3, replayOf: 'letter' }))
  const { mapping, pass, invoked, letters } = await setUp({ answer: () => ACCEPT, openSource: async () => source })
  await mapping.start()
  await pass(1_000)
  assert.deepEqual(invoked, [])
  assert.deepEqual([letters.get('replayed')?.reason, letters.get('replayed')?.replayOf], ['crashed', 'letter'])
  await mapping.stop()
})

test('suspects of two mappings never run at once, and each mapping gets its turn', async () => {
  const suspectTurn = createSuspectTurn()
  const suspectsOf = (name: string) =>
    feed(...[1, 2, 3].map(number => deliveryOf(`${name}${number}`, { priorDeliveries: 3 }))).source
  const first = await setUp({
    answer: () => ACCEPT,
    openSource: async () => suspectsOf('a'),
    suspectTurn,
    invokeMs: 1_000,
  })
  const second = await setUp({
    answer: () => ACCEPT,
    openSource: async () => suspectsOf('b'),
    suspectTurn,
    invokeMs: 1_000,
  })
  await first.mapping.start()
  await second.mapping.start()
  // Each has a clock of its own; they are moved on together, a step at a time.
  for (let step = 0; step < 20; step += 1) {
    await first.pass(500)
    await second.pass(500)
    assert.ok(first.mapping.status().running + second.mapping.status().running <= 1)
  }
  assert.deepEqual([first.invoked.length, second.invoked.length], [3, 3])
  const [, secondOfFirst] = first.invoked
  const [firstOfSecond] = second.invoked
  assert.ok(
    (firstOfSecond?.atMs ?? 0) <= (secondOfFirst?.atMs ?? 0),
    'the other mapping did not wait for all of the first',
  )
  await first.mapping.stop()
  await second.mapping.stop()
})

test('a mapping whose source is not there yet counts as started, and reads when it comes', async () => {
  let there = false
  const { mapping, pass } = await setUp({
    answer: () => ACCEPT,
    openSource: async () => {
      if (!there) throw new Error('no broker at this address')
      return idleSource({})
    },
  })
  await mapping.start()
  assert.equal(mapping.status().state, 'starting')
  assert.match(mapping.status().lastError?.message ?? '', /no broker at this address/)
  there = true
  await pass(60_000)
  assert.equal(mapping.status().state, 'running')
  await mapping.stop()
})

test('a suspect whose charge cannot be stored is not invoked, and is tried again with growing delays', async () => {
  let asked = 0
  const { source } = feed(deliveryOf('suspect', { priorDeliveries: 3 }))
  const { mapping, pass, invoked } = await setUp({
    answer: () => ACCEPT,
    openSource: async () => source,
    store: {
      async remember() {
        asked += 1
        if (asked < 5) throw new Error('the disk is full')
      },
    },
  })
  await mapping.start()
  await pass(14_000)
  assert.equal(asked, 4)
  assert.deepEqual(invoked, [])
  await pass(10_000)
  assert.equal(invoked.length, 1)
  await mapping.stop()
})

const idleSource = (changes: Partial<Source>): Source => ({
  ordered: false,
  retries: 'core',
  deferStepsMs: [],
  poll: ({ signal }) => new Promise(resolve => signal.addEventListener('abort', () => resolve([]))),
  settle: async () => [],
  pause: async () => {},
  resume: async () => {},
  close: async () => {},
  ...changes,
})

test('nothing else of a mapping runs beside a suspect', async () => {
  const { source } = feed(deliveryOf('suspect', { priorDeliveries: 3 }), deliveryOf('a'), deliveryOf('b'))
  const { mapping, pass, invoked } = await setUp({
    policy: { maxConcurrency: 5, batchSize: 1 },
    answer: () => ACCEPT,
    invokeMs: 1_000,
    openSource: async () => source,
  })
  await mapping.start()
  await pass(5_000)
  assert.deepEqual(invoked, [
    { atMs: 0, ids: 'suspect' },
    { atMs: 1_000, ids: 'a' },
    { atMs: 1_000, ids: 'b' },
  ])
  await mapping.stop()
})

test('an open breaker probes one record at a time, however long that takes', async () => {
  const { mapping, send, pass, invoked } = await setUp({
    policy: { breaker: { failures: 1, initialMs: 100, maxMs: 100 }, maxConcurrency: 5, batchSize: 1, maxAttempts: 9 },
    answer: ids => named(...ids),
    invokeMs: 1_000,
  })
  await send('a', 'b', 'c')
  await mapping.start()
  await pass(8_000)
  const probes = invoked.slice(3).map(({ atMs }) => atMs)
  assert.ok(probes.length > 3)
  assert.ok(probes.every((atMs, index) => index === 0 || atMs >= (probes[index - 1] ?? 0) + 1_100))
  const stopped = mapping.stop()
  await pass(5_000)
  await stopped
})
