/**
 * How many environments of a function are new at the same time. Starting one is work for a processor: more at once than
 * there are make all of them later, and where a function is done in microseconds the first is soon found to be enough.
 *
 *   started ──▶ ready ── 50 ms: it is known how fast the function is ──▶ no longer new
 *       └── 500 ms: it waits for something else than a processor ──────────────▲
 */
import type { Clock } from '../clock.ts'

export interface Pace {
  /** One is started now; the answer is to be called when it is ready, or over. */
  begin(): () => void
  /** Milliseconds until another one is to be started; 0: now. */
  waitMs(): number
}

const NEW_MS = 500
const KNOWN_AFTER_MS = 50

/** `atOnce`: 1 or more. */
export const createPace = (atOnce: number, clock: Pick<Clock, 'monotonic'>): Pace => {
  let fresh: { untilMs: number }[] = []
  return {
    begin() {
      const started = { untilMs: clock.monotonic() + NEW_MS }
      fresh.push(started)
      return () => {
        started.untilMs = Math.min(started.untilMs, clock.monotonic() + KNOWN_AFTER_MS)
      }
    },
    waitMs() {
      const nowMs = clock.monotonic()
      fresh = fresh.filter(({ untilMs }) => untilMs > nowMs)
      if (fresh.length < atOnce) return 0
      return Math.ceil(Math.min(...fresh.map(({ untilMs }) => untilMs)) - nowMs)
    },
  }
}
