import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPace } from '../../../core/engine/pace.ts'

const at = (ms: number) => {
  const clock = { ms, monotonic: () => clock.ms }
  return clock
}

test('no more environments are new at once than are to be started at once', () => {
  const clock = at(1_000)
  const pace = createPace(2, clock)
  assert.equal(pace.waitMs(), 0)
  const ready = pace.begin()
  assert.equal(pace.waitMs(), 0)
  clock.ms += 100
  pace.begin()
  assert.equal(pace.waitMs(), 400, 'what is not ready by then does not wait for a processor')
  ready()
  assert.equal(pace.waitMs(), 50, 'one that is ready is known soon after')
  clock.ms += 50
  assert.equal(pace.waitMs(), 0)
  pace.begin()
  assert.equal(pace.waitMs(), 450)
})

test('an environment that was ready late is new no longer than any other', () => {
  const clock = at(0)
  const pace = createPace(1, clock)
  const ready = pace.begin()
  clock.ms = 490
  ready()
  assert.equal(pace.waitMs(), 10)
})
