/** When a consumer counts as gone silent, on virtual time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silenceLimitMs, startWatchdog } from '../../../connectors/kafka/watchdog.ts'
import type { Clock } from '../../../core/clock.ts'
import { createVirtualClock } from '../../../core/testing/virtual-clock.ts'

const limits: readonly (readonly [sessionMs: number, phase: 'running' | 'draining' | 'joining', limitMs: number])[] = [
  [6_000, 'running', 20_000],
  [30_000, 'running', 60_000],
  [30_000, 'draining', 60_000],
  [30_000, 'joining', 120_000],
]

for (const [sessionMs, phase, limitMs] of limits)
  test(`with sessions of ${sessionMs} ms silence may last ${limitMs} ms while ${phase}`, () => {
    assert.equal(silenceLimitMs({ sessionMs, rebalanceMs: 60_000, phase }), limitMs)
  })

const watched = () => {
  const clock = createVirtualClock()
  const silent: number[] = []
  const watchdog = startWatchdog({ clock, limitMs: () => 20_000, onSilent: ms => silent.push(ms) })
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 500) clock.advance(500)
  }
  return { silent, watchdog, pass }
}

test('an answer in time starts the count anew, silence is told once', () => {
  const { silent, watchdog, pass } = watched()
  for (let answers = 0; answers < 10; answers += 1) {
    pass(17_500)
    watchdog.alive()
  }
  assert.deepEqual(silent, [])
  pass(60_000)
  assert.deepEqual(silent, [20_000])
})

test('a process that was stopped for long blames nobody: late timers are one look each', () => {
  const looks: (() => void)[] = []
  const silent: number[] = []
  const clock: Clock = {
    ...createVirtualClock(),
    after(_ms, run) {
      looks.push(run)
      return () => {}
    },
  }
  startWatchdog({ clock, limitMs: () => 20_000, onSilent: ms => silent.push(ms) })
  for (let late = 0; late < 9; late += 1) looks.shift()?.()
  assert.deepEqual(silent, [])
  looks.shift()?.()
  assert.deepEqual(silent, [20_000])
})

test('one that is stopped says nothing', () => {
  const { silent, watchdog, pass } = watched()
  watchdog.stop()
  pass(60_000)
  assert.deepEqual(silent, [])
})
