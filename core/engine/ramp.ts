/** How fast a function may grow: so many starts at once, and as many again in each ten seconds, as on Lambda. */
import type { Clock } from '../clock.ts'

export interface Ramp {
  /** Counts one start; false when it is too soon. */
  take(): boolean
  /** The start did not come about. */
  putBack(): void
  /** Milliseconds until there may be one; 0 when there may be one at once. */
  waitMs(): number
}

const PERIOD_MS = 10_000

export const createRamp = (startsInPeriod: number, clock: Pick<Clock, 'monotonic'>): Ramp => {
  let left = startsInPeriod
  let atMs = clock.monotonic()
  const refill = (): void => {
    const nowMs = clock.monotonic()
    left = Math.min(startsInPeriod, left + ((nowMs - atMs) * startsInPeriod) / PERIOD_MS)
    atMs = nowMs
  }
  return {
    take() {
      refill()
      if (left < 1) return false
      left -= 1
      return true
    },
    putBack() {
      left = Math.min(startsInPeriod, left + 1)
    },
    waitMs() {
      refill()
      return left >= 1 ? 0 : Math.ceil(((1 - left) * PERIOD_MS) / startsInPeriod)
    },
  }
}
