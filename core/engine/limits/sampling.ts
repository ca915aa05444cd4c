/** When to look again at how much memory a process has: the nearer it is to its limit, the sooner. */

/** A process on one core cannot fill memory faster than about this. */
const MB_A_MS = 2
const SOONEST_MS = 10
const LATEST_MS = 100

/** Milliseconds; what is left could be used up by then, not before. */
export const nextSampleMs = (usedMb: number, limitMb: number): number =>
  Math.min(LATEST_MS, Math.max(SOONEST_MS, (limitMb - usedMb) / MB_A_MS))
