/** What a mapping asks of the flow; durations in milliseconds. Every value is set: defaults were filled in before. */
export interface Policy {
  readonly order: Order
  readonly batchSize: number
  readonly batchWindowMs: number
  readonly batchBytes: number
  /** Batches of the mapping that may run at once. */
  readonly maxConcurrency: number
  readonly maxInFlight: number
  readonly maxInFlightBytes: number
  readonly maxAttempts: number
  /** Measured from the record's own time; undefined: no limit. */
  readonly maxAgeMs: number | undefined
  /** How long a record may be tried only for free before it is parked as starved. */
  readonly maxFreeWaitMs: number
  readonly backoff: Backoff
  /** Whether a batch that threw is split to find the record that made it throw. */
  readonly bisect: boolean
  readonly breaker: BreakerPolicy
  /** In an ordered lane: whether the followers of a dead letter go on. */
  readonly onDeadLetter: 'continue' | 'stop'
  /** Names or codes of errors that trying again cannot mend. */
  readonly notRetryable: readonly string[]
  readonly drainTimeoutMs: number
  /** Verdicts a source did not take for this long make the core reopen it. */
  readonly settleTimeoutMs: number
}

export type Order = 'lane' | 'key' | 'none'

export interface Backoff {
  readonly initialMs: number
  readonly factor: number
  readonly maxMs: number
  readonly jitter: 'full' | 'none'
}

export interface BreakerPolicy {
  /** Distinct records that must fail without a success in between. */
  readonly failures: number
  /** The first pause before a probe; it grows by two up to the last. */
  readonly initialMs: number
  readonly maxMs: number
}
