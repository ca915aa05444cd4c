import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSuspectTurn } from '../../../core/flow/suspect.ts'
import { deliveryOf } from './entries.ts'
import { feed } from './feed.ts'
import { ACCEPT, setUp } from './running.ts'

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

test('replays that were claimed beside one that ends the process are tried alone, and not parked untried', async () => {
  const replays = ['a', 'b', 'c'].map(id => deliveryOf(id, { priorDeliveries: 3, replayOf: `letter of ${id}` }))
  const { source, settled } = feed(...replays)
  const remembered: string[] = []
  const forgotten: string[] = []
  const { mapping, pass, invoked, letters } = await setUp({
    answer: () => ACCEPT,
    openSource: async () => source,
    store: {
      async remember(_mapping, _source, entries) {
        remembered.push(...entries.map(({ id, attempts }) => `${id}: ${attempts.length}`))
      },
      async forget(_mapping, _source, ids) {
        forgotten.push(...ids)
      },
    },
  })
  await mapping.start()
  await pass(1_000)
  assert.deepEqual(
    invoked.map(({ ids }) => ids),
    ['a', 'b', 'c'],
  )
  assert.deepEqual(
    settled.map(({ outcome }) => outcome),
    ['accepted', 'accepted', 'accepted'],
  )
  assert.equal(letters.size, 0)
  // Never under the id of the record: what is known of that is not a replay's to change.
  assert.deepEqual(remembered.slice(0, 2), ['replay letter of a 0: 1', 'replay letter of a 0: 0'])
  assert.deepEqual(forgotten, ['replay letter of a 0', 'replay letter of b 0', 'replay letter of c 0'])
  await mapping.stop()
})

test('a replay that ends the process while it runs alone is parked again, and counted anew when it is asked for again', async () => {
  const replay = deliveryOf('killer', { priorDeliveries: 3, replayOf: 'letter' })
  const feeds = [feed(replay), feed(replay), feed({ ...replay, firstSeen: 1 })]
  let opened = 0
  const bench = await setUp({
    answer: () => ACCEPT,
    invokeMs: 60_000,
    openSource: async () => feeds[opened++]?.source ?? feed().source,
  })
  const [first, second, third] = [bench.mapping, bench.again(), bench.again()]
  await first.start()
  await bench.pass(1_000)
  assert.equal(bench.invoked.length, 1)
  // The first process says nothing more; the next one finds the attempt unfinished.
  await second.start()
  await bench.pass(1_000)
  assert.equal(bench.invoked.length, 1)
  const { reason, replayOf, error, attempts } = bench.letters.get('killer') ?? {}
  assert.deepEqual([reason, replayOf, error?.code, attempts?.length], ['crashed', 'letter', 'RECORD_CRASHED_HOST', 1])
  await third.start()
  await bench.pass(1_000)
  assert.equal(bench.invoked.length, 2)
  await bench.pass(120_000)
  for (const mapping of [first, second, third]) await mapping.stop()
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
