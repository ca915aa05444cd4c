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
