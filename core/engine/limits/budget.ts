/**
 * CPU time as a bucket: it fills at the function's share, holds a moment's worth, and goes below zero when more was used
 * than was there. Below zero the process is stopped until it is full enough again. What waits uses nothing and is never
 * stopped; that is what tells this from pausing a process so many milliseconds in every hundred.
 */

export interface Budget {
  /** CPU milliseconds there are; negative: used beforehand. */
  readonly leftMs: number
  /** When that was, by the monotonic clock. */
  readonly atMs: number
  /** CPU time of the process until then. */
  readonly usedMs: number
}

export interface Step {
  readonly budget: Budget
  readonly run: boolean
  /** When to look again; what runs cannot use up the budget by much before then. */
  readonly againMs: number
}

/** A function that did nothing for a while may use at once what it is given in this time. */
const BURST_MS = 100
/** Debts above this are remitted: that the host was busy and did not look is not the function's fault. */
const LONGEST_STOP_MS = 1_000
/** Timers and /proc are no finer. */
const FINEST_MS = 5
const COARSEST_MS = 50

/** The budget of a process that begins to be watched. */
export const fullBudget = (share: number, nowMs: number, usedMs: number): Budget => ({
  leftMs: share * BURST_MS,
  atMs: nowMs,
  usedMs,
})

export const nextStep = (before: Budget, share: number, nowMs: number, usedMs: number): Step => {
  const filled = Math.min(share * BURST_MS, before.leftMs + share * (nowMs - before.atMs))
  const leftMs = Math.max(-share * LONGEST_STOP_MS, filled - (usedMs - before.usedMs))
  const run = leftMs > 0
  const againMs = run ? leftMs / Math.max(1, share) : -leftMs / share
  return {
    budget: { leftMs, atMs: nowMs, usedMs },
    run,
    againMs: run ? Math.min(COARSEST_MS, Math.max(FINEST_MS, againMs)) : Math.max(FINEST_MS, againMs),
  }
}
