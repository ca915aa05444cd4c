import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { systemClock } from '../../../core/clock.ts'
import { createLinger, INSTANT_MS } from '../../../core/engine/linger.ts'

const isAwake = (): boolean => process.getActiveResourcesInfo().includes('Immediate')

test('who waited for an instant only stays awake the next time', () => {
  const linger = createLinger()
  linger.came(INSTANT_MS / 2)
  linger.expect(systemClock.monotonic())
  assert.equal(isAwake(), true)
})

test('it stays awake for an instant only', async () => {
  const linger = createLinger()
  linger.came(0)
  linger.expect(systemClock.monotonic())
  await pause(20)
  assert.equal(isAwake(), false)
})

test('nobody stays awake who never waited, or waited for long the last time', async () => {
  const linger = createLinger()
  linger.expect(systemClock.monotonic())
  assert.equal(isAwake(), false)
  linger.came(0)
  linger.came(INSTANT_MS * 2)
  linger.expect(systemClock.monotonic())
  assert.equal(isAwake(), false)
})
