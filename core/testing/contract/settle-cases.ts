import assert from 'node:assert/strict'
import type { SourceCase } from './harness.ts'
import { accept, bodies, nothingMore, numbered, reject, release, request, take } from './reading.ts'

export const settleCases: readonly SourceCase[] = [
  {
    promise: 'settle may run while a poll waits',
    async run(harness) {
      const source = await harness.open()
      await harness.publish(['a'])
      const taken = await take(harness, source, 1)
      const polled = source.poll(request({ waitMs: harness.patienceMs ?? 60_000 }))
      assert.deepEqual(await source.settle(accept(taken)), [])
      await harness.publish(['b'])
      assert.deepEqual(bodies(await polled), ['b'])
      await source.close()
    },
  },
  {
    promise: 'accepted and rejected records do not come again',
    async run(harness) {
      const source = await harness.open()
      await harness.publish(numbered(6))
      const taken = await take(harness, source, 6)
      assert.deepEqual(await source.settle([...accept(taken.slice(0, 3)), ...reject(taken.slice(3))]), [])
      assert.equal(await harness.backlog(), 0)
      assert.deepEqual(await nothingMore(source), [])
      await source.close()
      const again = await harness.open()
      assert.deepEqual(await nothingMore(again), [])
      await again.close()
    },
  },
  {
    promise: 'what is claimed is unsettled until it is settled',
    async run(harness) {
      const source = await harness.open()
      await harness.publish(numbered(4))
      const taken = await take(harness, source, 4)
      assert.equal(await harness.backlog(), 4)
      assert.deepEqual(await source.settle(accept(taken.slice(0, 1))), [])
      assert.equal(await harness.backlog(), 3)
      await source.close()
    },
  },
  {
    promise: 'released records come again with their attempts, and are told apart from new ones',
    async run(harness) {
      const source = await harness.open()
      await harness.publish(['a', 'b'])
      const taken = await take(harness, source, 2)
      assert.deepEqual(
        taken.map(each => [each.attempts, each.priorDeliveries ?? 0]),
        [
          [0, 0],
          [0, 0],
        ],
      )
      assert.deepEqual(await source.settle(release(taken, 3)), [])
      const again = await take(harness, source, 2)
      assert.deepEqual(bodies(again), ['a', 'b'])
      assert.deepEqual(
        again.map(each => [each.attempts, each.priorDeliveries ?? 0]),
        [
          [3, 0],
          [3, 0],
        ],
      )
      assert.deepEqual(
        again.map(each => each.firstSeen),
        taken.map(each => each.firstSeen),
      )
      await source.close()
    },
  },
  {
    promise: 'deferred records come again later, with their attempts',
    async run(harness) {
      const source = await harness.open()
      await harness.publish(['later', 'now'])
      const [first, second] = await take(harness, source, 2)
      assert.ok(first && second)
      const verdicts = [
        { delivery: first, outcome: 'deferred', attempts: 2, delayMs: 300 } as const,
        { delivery: second, outcome: 'deferred', attempts: 1, delayMs: 3_600_000 } as const,
      ]
      assert.deepEqual(await source.settle(verdicts), [])
      assert.equal(await harness.backlog(), 2)
      const again = await take(harness, source, 1)
      assert.deepEqual(
        again.map(each => [bodies([each])[0], each.attempts]),
        [['later', 2]],
      )
      assert.equal(again[0]?.firstSeen, first.firstSeen)
      assert.deepEqual(await source.settle(accept(again)), [])
      assert.equal(await harness.backlog(), 1)
      await source.close()
    },
  },
  {
    promise: 'a verdict for one record settles no other',
    async run(harness) {
      const source = await harness.open()
      await harness.publish(numbered(7))
      const taken = await take(harness, source, 7)
      assert.deepEqual(await source.settle(accept(taken.filter((_, index) => index % 3 === 1))), [])
      await source.close()
      const again = await harness.open()
      assert.deepEqual(bodies(await take(harness, again, 5)), ['r0', 'r2', 'r3', 'r5', 'r6'])
      assert.deepEqual(await nothingMore(again), [])
      await again.close()
    },
  },
  {
    promise: 'on an ordered source, releasing a record releases all claimed after it in its lane',
    async run(harness) {
      const source = await harness.open()
      await harness.publish(numbered(6))
      const taken = await take(harness, source, 6)
      assert.deepEqual(await source.settle([...accept(taken.slice(0, 1)), ...accept(taken.slice(4, 5))]), [])
      assert.deepEqual(await source.settle(release(taken.slice(2, 3), 1)), [])
      assert.deepEqual(
        taken.map(each => each.lost.aborted),
        [false, false, false, true, false, true],
      )
      const again = await take(harness, source, 3)
      assert.deepEqual(bodies(again), ['r2', 'r3', 'r5'])
      assert.deepEqual(
        again.map(each => each.attempts),
        [1, 0, 0],
      )
      assert.deepEqual(await source.settle(accept([...again, ...taken.slice(1, 2)])), [])
      assert.equal(await harness.backlog(), 0)
      await source.close()
    },
  },
  {
    promise: 'every delivery is settled once: settling it again does nothing to a later claim',
    async run(harness) {
      const source = await harness.open()
      await harness.publish(['a'])
      const first = await take(harness, source, 1)
      assert.deepEqual(await source.settle(release(first, 1)), [])
      const second = await take(harness, source, 1)
      assert.deepEqual(await source.settle(accept(first)), [])
      assert.equal(await harness.backlog(), 1)
      assert.deepEqual(await source.settle(accept(second)), [])
      assert.equal(await harness.backlog(), 0)
      await source.close()
    },
  },
  {
    promise: 'settling a lost delivery does nothing',
    async run(harness) {
      const source = await harness.open()
      await harness.publish(['a'])
      const [lost] = await take(harness, source, 1)
      assert.ok(lost && !lost.lost.aborted)
      await source.close()
      assert.ok(lost.lost.aborted)
      const other = await harness.open()
      const again = await take(harness, other, 1)
      assert.deepEqual(await other.settle(accept([lost])), [])
      assert.equal(await harness.backlog(), 1)
      assert.deepEqual(await other.settle(accept(again)), [])
      await other.close()
    },
  },
]
