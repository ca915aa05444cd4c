import assert from 'node:assert/strict'
import type { SourceCase } from './harness.ts'
import { accept, bodies, nothingMore, numbered, QUIET_MS, request, take } from './reading.ts'

export const pollCases: readonly SourceCase[] = [
  {
    promise: 'poll resolves as soon as it has one record',
    async run(harness) {
      const source = await harness.open()
      const polled = source.poll(request({ waitMs: harness.patienceMs ?? 60_000 }))
      await harness.publish(['one'])
      assert.deepEqual(bodies(await polled), ['one'])
      await source.close()
    },
  },
  {
    promise: 'poll answers with at most max, and at most maxPerLane of one lane',
    async run(harness) {
      const source = await harness.open()
      await harness.publish(numbered(10))
      const first = await source.poll(request({ max: 3, waitMs: 1_000 }))
      const second = await source.poll(request({ maxPerLane: 2, waitMs: 1_000 }))
      // Fewer, where the others were still on their way: it answers as soon as it has one.
      assert.ok(first.length >= 1 && first.length <= 3, `at most 3, got ${first.length}`)
      assert.ok(second.length >= 1 && second.length <= 2, `at most 2 of a lane, got ${second.length}`)
      await source.close()
    },
  },
  {
    promise: 'poll stops adding records once their bodies reach maxBytes, and one record may always come',
    async run(harness) {
      const source = await harness.open()
      await harness.publish(['x'.repeat(1_000), 'y'.repeat(1_000), 'z'.repeat(1_000), 'and another'])
      assert.equal((await source.poll(request({ maxBytes: 1, waitMs: 1_000 }))).length, 1)
      const { length } = await source.poll(request({ maxBytes: 2_000, waitMs: 1_000 }))
      assert.ok(length >= 1 && length <= 2, `at most 2, got ${length}`)
      await source.close()
    },
  },
  {
    promise: 'poll is empty after waitMs',
    async run(harness) {
      const source = await harness.open()
      assert.deepEqual(await source.poll(request({ waitMs: 0 })), [])
      assert.deepEqual(await source.poll(request({ waitMs: 30 })), [])
      await source.close()
    },
  },
  {
    promise: 'poll resolves with what it has when aborted, and claims nothing afterwards',
    async run(harness) {
      const source = await harness.open()
      const stop = new AbortController()
      const polled = source.poll(request({ waitMs: 60_000, signal: stop.signal }))
      stop.abort()
      assert.deepEqual(await polled, [])
      await harness.publish(['later'])
      assert.deepEqual(bodies(await take(harness, source, 1)), ['later'])
      await source.close()
    },
  },
  {
    promise: 'nothing comes from a lane that is skipped',
    async run(harness) {
      const source = await harness.open()
      await harness.publish(numbered(4))
      const [first] = await source.poll(request({ max: 1, waitMs: 1_000 }))
      assert.ok(first)
      const skipped = await source.poll(request({ skipLanes: new Set([first.lane]), waitMs: QUIET_MS }))
      assert.deepEqual(skipped, [])
      assert.equal((await take(harness, source, 3)).length, 3)
      await source.close()
    },
  },
  {
    promise: 'pause stops claiming, and resume goes on',
    async run(harness) {
      const source = await harness.open()
      await source.pause()
      await harness.publish(['held back'])
      assert.deepEqual(await nothingMore(source), [])
      const polled = source.poll(request({ waitMs: harness.patienceMs ?? 60_000 }))
      await source.resume()
      assert.deepEqual(bodies(await polled), ['held back'])
      await source.close()
    },
  },
  {
    promise: 'records of a lane come in the order in which they were sent',
    async run(harness) {
      const source = await harness.open()
      await harness.publish(numbered(50))
      const taken = await take(harness, source, 50)
      assert.deepEqual(bodies(taken), numbered(50))
      assert.equal(new Set(taken.map(({ lane }) => lane)).size, 1)
      assert.deepEqual(await source.settle(accept(taken)), [])
      await source.close()
    },
  },
  {
    promise: 'a poll that waits does not keep others of its group from the records',
    async run(harness) {
      const [one, other] = [await harness.open(), await harness.open()]
      const stop = new AbortController()
      const waiting = [one, other].map(source => source.poll(request({ waitMs: 60_000, signal: stop.signal })))
      await harness.publish(['for one of them'])
      assert.deepEqual(bodies(await Promise.race(waiting)), ['for one of them'])
      stop.abort()
      assert.deepEqual((await Promise.all(waiting)).flatMap(bodies), ['for one of them'])
      await one.close()
      await other.close()
    },
  },
]
