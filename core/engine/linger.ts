/**
 * An event loop that stays awake for an instant where it would have slept until its next message.
 *
 * A processor that has gone idle takes 20 to 60 µs to come back, at either end of a call: for a function that is done in
 * microseconds that is most of the call, and costs more of the processor than staying awake does. So who had to wait only for
 * an instant the last time stays awake this time, as the kernel's haltpoll governor does for a whole guest.
 */
import { systemClock } from '../clock.ts'

/** Longer waits are slept through. Waking up included, calls that follow one another take less. */
export const INSTANT_MS = 0.2

export interface Linger {
  /** A message is expected from now on, the moment `atMs` of the monotonic clock. */
  expect(atMs: number): void
  /** It has come, after so long. */
  came(waitedMs: number): void
}

export const createLinger = (): Linger => {
  let lastWaitMs = Number.POSITIVE_INFINITY
  let untilMs = 0
  let awake = false
  // Everything else that the loop has to do is done in between.
  const turn = (): void => {
    awake = systemClock.monotonic() < untilMs
    if (awake) setImmediate(turn)
  }
  return {
    expect(atMs) {
      if (lastWaitMs > INSTANT_MS) return
      untilMs = atMs + INSTANT_MS
      if (awake) return
      awake = true
      setImmediate(turn)
    },
    came(waitedMs) {
      lastWaitMs = waitedMs
      untilMs = 0
    },
  }
}
