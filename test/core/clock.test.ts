import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { sleepUnless, systemClock } from '../../core/clock.ts'
import { createVirtualClock } from '../../core/testing/virtual-clock.ts'

const never = new Promise(() => {})

const asleep = (event: Promise<unknown>, signal?: AbortSignal) => {
  const clock = createVirtualClock()
  return { clock, ended: sleepUnless(clock, 1_000, event, signal) }
}

test('a sleep ends with what it waits for, however that ends, and leaves no timer', async () => {
  for (const event of [Promise.resolve(), Promise.reject(new Error('it failed'))]) {
    const { clock, ended } = asleep(event)
    assert.equal(clock.nextAt(), 1_000)
    await ended
    assert.equal(clock.nextAt(), undefined)
  }
})

test('a sleep ends when its signal aborts, or has aborted before, and leaves no timer', async () => {
  const stop = new AbortController()
  const { clock, ended } = asleep(never, stop.signal)
  assert.equal(clock.nextAt(), 1_000)
  stop.abort()
  await ended
  assert.equal(clock.nextAt(), undefined)
  await asleep(never, stop.signal).ended
})

test('a sleep ends when its time is over, and listens to its signal no more', async () => {
  const stop = new AbortController()
  const { clock, ended } = asleep(never, stop.signal)
  assert.equal(getEventListeners(stop.signal, 'abort').length, 1)
  clock.advance(1_000)
  await ended
  assert.equal(getEventListeners(stop.signal, 'abort').length, 0)
})

test('a timer of the system never runs before its time', async () => {
  const early: number[] = []
  const runs = Array.from({ length: 300 }, async (_, index) => {
    const ms = index * 0.37
    const dueMs = systemClock.monotonic() + ms
    await new Promise<void>(resolve => systemClock.after(ms, resolve))
    early.push(dueMs - systemClock.monotonic())
  })
  await Promise.all(runs)
  assert.deepEqual(
    early.filter(ms => ms > 0),
    [],
  )
})
