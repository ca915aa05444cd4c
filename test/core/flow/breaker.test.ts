import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  afterFailure,
  afterInitFailure,
  afterSuccess,
  type Breaker,
  closedBreaker,
} from '../../../core/flow/breaker.ts'

const POLICY = { failures: 3, initialMs: 1_000, maxMs: 3_000 }
const failed = (breaker: Breaker, ids: string, now = 0): Breaker => afterFailure(breaker, ids.split(' '), POLICY, now)
const open = failed(closedBreaker, 'a b c', 100)
const probeAt = (breaker: Breaker): number | undefined => (breaker.state === 'open' ? breaker.probeAt : undefined)

test('it opens after so many distinct records failed', () => {
  assert.equal(failed(failed(closedBreaker, 'a'), 'b').state, 'closed')
  assert.equal(failed(failed(closedBreaker, 'a b'), 'c').state, 'open')
})

test('the same records failing again do not open it', () => {
  assert.equal(failed(failed(failed(closedBreaker, 'a b'), 'a b'), 'b a').state, 'closed')
})

test('a success in between begins the count anew', () => {
  assert.equal(failed(afterSuccess(failed(closedBreaker, 'a b')), 'c').state, 'closed')
})

test('a failure of nobody changes nothing', () => {
  assert.equal(afterFailure(closedBreaker, [], { ...POLICY, failures: 0 }, 0), closedBreaker)
})

test('the first probe is after the first pause', () => assert.equal(probeAt(open), 1_100))

test('each failed probe doubles the pause, up to the longest', () => {
  const once = failed(open, 'a', 1_100)
  const twice = failed(once, 'b', 3_100)
  assert.equal(probeAt(once), 1_100 + 2_000)
  assert.equal(probeAt(twice), 3_100 + 3_000)
  assert.equal(probeAt(failed(twice, 'c', 9_000)), 9_000 + 3_000)
})

test('a success closes it, and the next opening begins with the first pause', () => {
  const closed = afterSuccess(failed(open, 'a', 1_100))
  assert.equal(closed.state, 'closed')
  assert.equal(probeAt(failed(closed, 'a b c', 5_000)), 6_000)
})

test('a function that is not ready opens it at once, and counts as a failed probe while it is open', () => {
  const opened = afterInitFailure(closedBreaker, POLICY, 50)
  assert.equal(probeAt(opened), 1_050)
  const again = afterInitFailure(open, POLICY, 1_100)
  assert.equal(probeAt(again), 3_100)
  assert.equal(again.state === 'open' && again.cause, 'init')
})
