import type { BreakerPolicy } from '../policy.ts'

/** What a mapping of requests asks of the flow; durations in milliseconds. */
export interface RequestPolicy {
  /** Requests that may run at once; infinite where only environments limit them. */
  readonly maxConcurrency: number
  /** Requests that may run or wait for an environment; beyond them callers are told to come again. */
  readonly maxInFlight: number
  readonly breaker: BreakerPolicy
  readonly drainTimeoutMs: number
}
