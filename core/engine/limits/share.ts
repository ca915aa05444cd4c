/** How much CPU a function has, in what the different means of keeping it to that take. */

/** Lambda's only documented anchor: a function of this many MB has one core, and the rest in proportion. */
const MB_PER_CORE = 1_769

/** Cores; may be more than one. */
export const cpuShareOf = (memoryMb: number): number => memoryMb / MB_PER_CORE

/** Short, so that a function with a tenth of a core answers within tens of milliseconds and not after a whole pause. */
const PERIOD_US = 20_000
/** The kernel refuses less. */
const MIN_QUOTA_US = 1_000

export interface Quota {
  readonly periodUs: number
  /** CPU time of all threads together in a period. */
  readonly quotaUs: number
}

export const quotaOf = (share: number): Quota => ({
  periodUs: PERIOD_US,
  quotaUs: Math.max(MIN_QUOTA_US, Math.round(share * PERIOD_US)),
})

const LOWEST_NICE = 19
/** A step of niceness changes a process's weight against another's by this factor. */
const WEIGHT_A_STEP = 1.25

/** Niceness that makes functions compete in proportion to their shares; a whole core is 0. */
export const nicenessOf = (share: number): number =>
  Math.min(LOWEST_NICE, Math.max(0, Math.round(-Math.log(share) / Math.log(WEIGHT_A_STEP))))
