import type { Clock } from '../clock.ts'
import { createHeap } from '../heap.ts'

/** A clock that only moves when it is told to: tests of hours take milliseconds, and the same ones each time. */
export interface VirtualClock extends Clock {
  /** When the next timer is due, by `monotonic`; undefined when none is set. */
  nextAt(): number | undefined
  /** Moves on by `ms` and runs what becomes due on the way, in order, each at its own time. */
  advance(ms: number): void
  /** Sets the wall clock, as an operator or NTP would; durations and timers are not touched. */
  setWall(epochMs: number): void
}

interface Timer {
  readonly run: () => void
  cancelled: boolean
}

/** 2026-01-01T00:00:00Z: a fixed time, so that a test prints the same each time. */
const START_EPOCH_MS = 1_767_225_600_000

/** `startEpochMs`: where the wall clock begins, in milliseconds since the epoch. */
export const createVirtualClock = (startEpochMs: number = START_EPOCH_MS): VirtualClock => {
  const timers = createHeap<Timer>()
  let elapsedMs = 0
  let wallOffsetMs = startEpochMs

  const skipCancelled = (): void => {
    while (timers.peek()?.item.cancelled) timers.pop()
  }

  return {
    now: () => Math.floor(elapsedMs + wallOffsetMs),
    monotonic: () => elapsedMs,
    after(ms, run) {
      const timer: Timer = { run, cancelled: false }
      timers.push(elapsedMs + Math.max(0, ms), timer)
      return () => {
        timer.cancelled = true
      }
    },
    nextAt() {
      skipCancelled()
      return timers.peek()?.at
    },
    advance(ms) {
      const until = elapsedMs + ms
      for (skipCancelled(); (timers.peek()?.at ?? Number.POSITIVE_INFINITY) <= until; skipCancelled()) {
        const due = timers.pop()
        if (!due) break
        elapsedMs = Math.max(elapsedMs, due.at)
        due.item.run()
      }
      elapsedMs = until
    },
    setWall(epochMs) {
      wallOffsetMs = epochMs - elapsedMs
    },
  }
}
