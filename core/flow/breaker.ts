/**
 * The breaker of a mapping, as data and pure transitions (DESIGN 1.10).
 *
 *            10 distinct records failed            a probe succeeded
 *   closed ───────────────────────────────▶ open ─────────────────────▶ closed
 *            or Init failed                  │ ▲ a probe failed: the pause doubles
 *                                            └─┘
 */
import type { BreakerPolicy } from './policy.ts'

export type Breaker =
  | { readonly state: 'closed'; readonly failed: ReadonlySet<string> }
  | {
      readonly state: 'open'
      readonly cause: 'failures' | 'init'
      /** By the monotonic clock. */
      readonly probeAt: number
      readonly pauseMs: number
    }

export const closedBreaker: Breaker = { state: 'closed', failed: new Set() }

/** Records failed and none of the batch succeeded. While open this is a failed probe. */
export const afterFailure = (breaker: Breaker, ids: readonly string[], policy: BreakerPolicy, now: number): Breaker => {
  if (breaker.state === 'open') return afterFailedProbe(breaker, policy, now)
  if (ids.length === 0) return breaker
  const failed = new Set([...breaker.failed, ...ids])
  return failed.size < policy.failures ? { ...breaker, failed } : opened('failures', policy, now)
}

/** A record was processed: whatever was wrong is over. */
export const afterSuccess = (breaker: Breaker): Breaker =>
  breaker.state === 'closed' && breaker.failed.size === 0 ? breaker : closedBreaker

/** The function could not be made ready. */
export const afterInitFailure = (breaker: Breaker, policy: BreakerPolicy, now: number): Breaker =>
  breaker.state === 'open' ? { ...afterFailedProbe(breaker, policy, now), cause: 'init' } : opened('init', policy, now)

type OpenBreaker = Extract<Breaker, { state: 'open' }>

const opened = (cause: OpenBreaker['cause'], policy: BreakerPolicy, now: number): OpenBreaker => ({
  state: 'open',
  cause,
  probeAt: now + policy.initialMs,
  pauseMs: policy.initialMs,
})

const afterFailedProbe = (breaker: OpenBreaker, policy: BreakerPolicy, now: number): OpenBreaker => {
  const pauseMs = Math.min(breaker.pauseMs * 2, policy.maxMs)
  return { ...breaker, pauseMs, probeAt: now + pauseMs }
}
