import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryConnector } from '../../../connectors/memory/connector.ts'
import { popDue, pushDue } from '../../../connectors/memory/due-order.ts'
import type { Clock } from '../../../core/clock.ts'
import { silentLog } from '../../../core/log.ts'
import { accept, bodies, request } from '../../../core/testing/contract/reading.ts'

/** Time that only moves when it is told to. */
const standingClock = (): Clock & { move(ms: number): void } => {
  let nowMs = 0
  const timers = new Set<{ readonly at: number; readonly run: () => void }>()
  return {
    now: () => nowMs,
    monotonic: () => nowMs,
    after(ms, run) {
      const timer = { at: nowMs + ms, run }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    move(ms) {
      nowMs += ms
      for (const timer of [...timers])
        if (timer.at <= nowMs) {
          timers.delete(timer)
          timer.run()
        }
    },
  }
}

test('a delayed record comes when the clock it was handed says so, and is in the backlog until it is settled', async () => {
  const clock = standingClock()
  const connector = memoryConnector('rabbitmq')
  const connection = await connector.connect(
    'rabbit',
    {},
    { clock, log: silentLog, random: () => 0, stateDir: '/nowhere' },
  )
  const channel = { type: 'delayed-exchange', name: 'orders', address: 'rabbit/orders', options: {} }
  const source = await connection.openSource(channel, { group: 'g', start: 'latest', maxInFlight: 10 })
  await (await connection.openSink(channel)).send([{ body: Buffer.from('a day later'), delayMs: 86_400_000 }])
  const polled = source.poll(request({ waitMs: 200_000_000 }))
  assert.equal(connector.backlog(), 1)
  clock.move(86_400_000)
  const taken = await polled
  assert.deepEqual(bodies(taken), ['a day later'])
  assert.deepEqual(await source.settle(accept(taken)), [])
  assert.equal(connector.backlog(), 0)
  assert.deepEqual(
    connector.records('rabbit/orders').map(({ id }) => id),
    ['0'],
  )
  assert.equal(connector.kind, 'rabbitmq')
})

test('what waits comes out by due time, and among equals as it was sent', () => {
  const heap: { due: number; offset: number }[] = []
  const entries = Array.from({ length: 500 }, (_, offset) => ({ due: (offset * 7_919) % 50, offset }))
  for (const entry of entries) pushDue(heap, entry)
  const popped = Array.from({ length: 500 }, () => popDue(heap))
  assert.deepEqual(
    popped,
    entries.toSorted((a, b) => a.due - b.due || a.offset - b.offset),
  )
  assert.equal(popDue(heap), undefined)
})
