import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOpenTime } from '../../../core/flow/open-time.ts'

test('the time for which the breaker was open adds up over its openings, within the span asked for', () => {
  const time = createOpenTime()
  assert.equal(time.between(0, 1_000), 0)
  time.turned('open', 100)
  assert.equal(time.between(0, 50), 0)
  assert.equal(time.between(0, 400), 300)
  time.turned('closed', 600)
  assert.equal(time.between(0, 10_000), 500)
  assert.equal(time.between(300, 10_000), 300)
  assert.equal(time.between(700, 10_000), 0)
  time.turned('open', 1_000)
  assert.equal(time.between(0, 1_200), 700)
})
