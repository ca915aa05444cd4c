import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BatchLimits } from '../../../core/flow/batcher.ts'
import { newSplit } from '../../../core/flow/entry.ts'
import { createWaiting, type Waiting } from '../../../core/flow/waiting.ts'
import { entryOf, idsOf } from './entries.ts'

const LIMITS: BatchLimits = {
  batchSize: 10,
  batchBytes: 1_000_000,
  batchWindowMs: 0,
  scopes: 'many',
  creditUsedUp: false,
  suspects: 'none',
}

/** `a1 a2 b1`: records of the scopes a and b; `-1`: a record alone. */
const fill = (waiting: Waiting, names: string, changes: Parameters<typeof entryOf>[2] = {}) =>
  names.split(' ').map(id => {
    const name = id.startsWith('-') ? null : id.slice(0, 1)
    const entry = entryOf(waiting.scope(name, '0'), id, changes)
    waiting.add(entry)
    return entry
  })
const take = (waiting: Waiting, now = 0, changes: Partial<BatchLimits> = {}): string =>
  idsOf(waiting.take({ ...LIMITS, ...changes }, now))

test('a scope whose records run gives no more of them', () => {
  const waiting = createWaiting()
  const [a1] = fill(waiting, 'a1 a2')
  assert.ok(a1)
  assert.equal(take(waiting, 0, { batchSize: 1 }), 'a1')
  assert.equal(take(waiting), '')
  waiting.finish([a1])
  assert.equal(take(waiting), 'a2')
})

test('what ran and is to run again goes before all others of its scope, in its order', () => {
  const waiting = createWaiting()
  const entries = fill(waiting, 'a1 a2 a3')
  take(waiting, 0, { batchSize: 2 })
  waiting.putBack(entries.slice(0, 2))
  waiting.finish(entries.slice(0, 2))
  assert.equal(take(waiting), 'a1 a2 a3')
})

test('a blocked scope waits for its time, others go on', () => {
  const waiting = createWaiting()
  const [a1] = fill(waiting, 'a1 b1')
  assert.ok(a1)
  waiting.block(a1.scope, 100)
  assert.equal(take(waiting), 'b1')
  assert.equal(waiting.nextAt(LIMITS, 0), 100)
  assert.equal(take(waiting, 99), '')
  assert.equal(take(waiting, 100), 'a1')
})

test('a scope that is blocked again waits for the later time', () => {
  const waiting = createWaiting()
  const [a1] = fill(waiting, 'a1')
  assert.ok(a1)
  waiting.block(a1.scope, 100)
  waiting.block(a1.scope, 300)
  assert.equal(take(waiting, 200), '')
  assert.equal(take(waiting, 300), 'a1')
})

test('a record alone blocks nobody', () => {
  const waiting = createWaiting()
  const [first] = fill(waiting, '-1 -2')
  assert.ok(first)
  waiting.block(first.scope, Number.POSITIVE_INFINITY)
  assert.equal(take(waiting), '-2')
  assert.equal(waiting.nextAt(LIMITS, 0), undefined)
})

test('a scope is the same one for as long as anything of it waits, runs or is on its way back', () => {
  const waiting = createWaiting()
  const [a1] = fill(waiting, 'a1')
  assert.ok(a1)
  take(waiting)
  assert.equal(waiting.scope('a', '0'), a1.scope)
  waiting.putBack([a1])
  waiting.finish([a1])
  assert.equal(waiting.scope('a', '0'), a1.scope)
  waiting.remove(a1)
  waiting.hold(a1)
  assert.equal(waiting.scope('a', '0'), a1.scope)
  const [a2] = fill(waiting, 'a2')
  assert.ok(a2)
  assert.equal(take(waiting), '', 'a2 waits until a1 is back at the source')
  waiting.finish([a1])
  assert.equal(take(waiting), 'a2')
})

test('an empty scope that nothing runs of is forgotten', () => {
  const waiting = createWaiting()
  const [a1] = fill(waiting, 'a1')
  assert.ok(a1)
  take(waiting)
  waiting.finish([a1])
  assert.notEqual(waiting.scope('a', '0'), a1.scope)
})

test('parts run before anything else, each as it is, and one after the other where they share a scope', () => {
  const waiting = createWaiting()
  const entries = fill(waiting, 'a1 a2 a3 b1')
  const [a1, a2, a3] = entries
  assert.ok(a1 && a2 && a3)
  const split = newSplit(3)
  const parts = [[a1, a2], [a3]].map(list => ({ split, entries: list }))
  for (const part of parts) for (const entry of part.entries) entry.part = part
  waiting.addParts(parts)
  assert.equal(take(waiting), 'a1 a2')
  assert.equal(take(waiting), 'b1')
  assert.equal(take(waiting), '')
  waiting.finish([a1, a2])
  assert.equal(waiting.nextAt(LIMITS, 0), 0)
  assert.equal(take(waiting), 'a3')
})

test('a part that lost a record is none any more: what is left of it is ordinary', () => {
  const waiting = createWaiting()
  const [a1, b1] = fill(waiting, 'a1 b1 c1')
  assert.ok(a1 && b1)
  const part = { split: newSplit(2), entries: [a1, b1] }
  for (const entry of part.entries) entry.part = part
  waiting.addParts([part])
  waiting.remove(a1)
  assert.equal(b1.part, undefined)
  assert.equal(take(waiting), 'b1 c1')
})

test('a part with a record that never runs is none any more', () => {
  const waiting = createWaiting()
  const [a1, b1] = fill(waiting, 'a1 b1')
  assert.ok(a1 && b1)
  const part = { split: newSplit(2), entries: [a1, b1] }
  for (const entry of part.entries) entry.part = part
  waiting.addParts([part])
  waiting.block(a1.scope, Number.POSITIVE_INFINITY)
  assert.equal(take(waiting), 'b1')
})

test('a probe takes the head of a scope, blocked or not, and another one each time', () => {
  const waiting = createWaiting()
  const [a1] = fill(waiting, 'a1 a2 b1')
  assert.ok(a1)
  waiting.block(a1.scope, 1_000)
  const first = waiting.takeProbe()
  assert.equal(first, a1)
  waiting.putBack([a1])
  waiting.finish([a1])
  a1.probes += 1
  assert.equal(waiting.probes(), 'fresh')
  const second = waiting.takeProbe()
  assert.equal(second?.delivery.record.id, 'b1')
  assert.equal(waiting.probes(), 'stale')
})

test('a probe is made with a record that was in none yet, if there is one', () => {
  const waiting = createWaiting()
  const [a1] = fill(waiting, 'a1 b1')
  assert.ok(a1)
  a1.probes = 1
  assert.equal(waiting.takeProbe()?.delivery.record.id, 'b1')
  assert.equal(waiting.takeProbe(), a1)
})

test('what stopped for good is no probe', () => {
  const waiting = createWaiting()
  const [a1] = fill(waiting, 'a1')
  assert.ok(a1)
  waiting.block(a1.scope, Number.POSITIVE_INFINITY)
  assert.equal(waiting.probes(), 'none')
  assert.equal(waiting.takeProbe(), undefined)
})

test('what waits is counted, and its suspects', () => {
  const waiting = createWaiting()
  const [a1] = fill(waiting, 'a1 a2', { suspect: true })
  fill(waiting, 'b1')
  assert.ok(a1)
  assert.deepEqual([waiting.size, waiting.suspects], [3, 2])
  waiting.remove(a1)
  waiting.remove(a1)
  assert.deepEqual([waiting.size, waiting.suspects], [2, 1])
  take(waiting, 0, { suspects: 'first' })
  assert.deepEqual([waiting.size, waiting.suspects], [1, 0])
})
