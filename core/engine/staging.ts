/**
 * Requests that are given to an environment which is still busy, so that it need not wait for its next one: for a function
 * that is done in microseconds, the way there and back is nearly all of a request.
 *
 *   how deep: as many as are done within 4 ms, at most 16, and strictly one by one where one takes a millisecond
 */
import type { Environment } from './environment.ts'

export interface Staging {
  /** How many environments have requests. */
  readonly busy: number
  /** A request goes to an environment that has none. `alone`: nothing is staged behind it. */
  begin(environment: Environment, how: 'shared' | 'alone'): void
  /** A busy environment that takes one more, which is counted from here on; the one with the fewest. */
  next(): Environment | undefined
  /** A request of it has ended, or was not made after all; answers how many are left. */
  end(environment: Environment): number
  /** How long an invocation took in an environment that was warm, without the way to it. */
  measured(durationMs: number): void
}

/** Functions that are slower wait for nobody: there is more to them than the way. */
const FAST_MS = 1
const WITHIN_MS = 4
const DEEPEST = 16
/**
 * The share of the last invocation in the mean. Faster ones count for more: new code is slow at first, and a busy machine
 * makes single invocations slow.
 */
const FASTER_WEIGHS = 0.5
const SLOWER_WEIGHS = 0.2
/** A slow one counts for no more than so many times the mean; what waits behind one that really is slow is recalled. */
const COUNTS_AT_MOST = 4

/** How many requests an environment may have at once, the one that runs included. */
export const depthFor = (meanMs: number): number =>
  meanMs >= FAST_MS ? 1 : Math.min(DEEPEST, Math.floor(WITHIN_MS / meanMs))

export const createStaging = (): Staging => {
  const loads = new Map<Environment, number>()
  let meanMs: number | undefined
  return {
    get busy() {
      return loads.size
    },
    begin(environment, how) {
      loads.set(environment, how === 'alone' ? ALONE : 1)
    },
    next() {
      const depth = meanMs === undefined ? 1 : depthFor(meanMs)
      if (depth === 1) return undefined
      let best: Environment | undefined
      let least = depth
      for (const [environment, load] of loads)
        if (load < least && environment.takesNext()) {
          best = environment
          least = load
        }
      if (best) loads.set(best, least + 1)
      return best
    },
    end(environment) {
      const load = loads.get(environment) ?? 1
      const left = load === ALONE ? 0 : load - 1
      if (left === 0) loads.delete(environment)
      else loads.set(environment, left)
      return left
    },
    measured(durationMs) {
      meanMs ??= durationMs
      const weighs = durationMs < meanMs ? FASTER_WEIGHS : SLOWER_WEIGHS
      meanMs += (Math.min(durationMs, COUNTS_AT_MOST * meanMs) - meanMs) * weighs
    },
  }
}

const ALONE = Number.POSITIVE_INFINITY
