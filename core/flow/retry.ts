import type { Backoff } from './policy.ts'

/** Free tries are never nearer together than this, so that nothing loops hot. */
export const MIN_FREE_DELAY_MS = 100

export interface Tried {
  /** All tries so far that did not succeed, free ones included; 1 or more. */
  readonly tries: number
  readonly charge: 'charged' | 'free'
  /** What the function asked for; a lower bound, taken as it is even beyond `backoff.maxMs`. */
  readonly retryAfterMs?: number | undefined
}

/**
 * Milliseconds to wait before the next try: `initial · factor^(tries-1)`, at most `max`, spread evenly over 0…that with
 * full jitter. A pure function of the tries: looking at a delay does not change the next one. `random` is in [0, 1).
 */
export const delayMs = (tried: Tried, backoff: Backoff, random: number): number => {
  const ceiling = Math.min(backoff.maxMs, backoff.initialMs * backoff.factor ** Math.min(tried.tries - 1, 1_000))
  const spread = backoff.jitter === 'full' ? ceiling * random : ceiling
  const floor = Math.max(tried.retryAfterMs ?? 0, tried.charge === 'free' ? MIN_FREE_DELAY_MS : 0)
  return Math.ceil(Math.max(spread, floor))
}

/** A retry at least this far away does not wait in memory where the source can keep it durably. */
export const DEFER_FROM_MS = 5_000

/** The delay a source can really keep: the next step up, the last one for anything longer. */
export const deferralStep = (wantedMs: number, steps: readonly number[] | 'any'): number | undefined =>
  steps === 'any' ? wantedMs : (steps.find(step => step >= wantedMs) ?? steps.at(-1))
