/**
 * A function that cannot be made ready is not started again for each caller who asks: mappings come again later and later by
 * themselves, direct callers do not, and are answered by what the last start came to until a pause that grows has passed.
 */
import type { Clock } from '../clock.ts'
import type { ErrorInfo } from '../contract.ts'

export interface InitPause {
  /** What a start came to; undefined: it is ready. */
  note(problem: ErrorInfo | undefined): void
  /** Why it is not to be started now. */
  problem(): ErrorInfo | undefined
}

const FIRST_MS = 250
const MAX_MS = 10_000

export const createInitPause = (clock: Pick<Clock, 'monotonic'>): InitPause => {
  let last: ErrorInfo | undefined
  let failures = 0
  let untilMs = 0
  return {
    note(problem) {
      const nowMs = clock.monotonic()
      // Of starts at the same time only the first makes the pause longer.
      if (problem && last && nowMs < untilMs) return
      last = problem
      failures = problem ? failures + 1 : 0
      untilMs = nowMs + Math.min(MAX_MS, FIRST_MS * 2 ** (failures - 1))
    },
    problem() {
      const leftMs = Math.ceil(untilMs - clock.monotonic())
      return last && leftMs > 0
        ? { ...last, message: `${last.message} (a moment ago; it is not tried again for ${leftMs} ms)` }
        : undefined
    },
  }
}
