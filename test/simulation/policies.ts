import type { Policy } from '../../core/flow/policy.ts'
import type { Random } from './random.ts'

export const LISTED_ERROR = 'Listed'

export const drawPolicy = (random: Random, source: 'stream' | 'queue'): Policy => {
  const batchSize = random.pick([1, 2, 5, 10, 30] as const)
  const maxConcurrency = random.int(1, 5)
  return {
    order: source === 'stream' ? random.pick(['lane', 'lane', 'key', 'none'] as const) : random.pick(['none', 'key']),
    batchSize,
    batchWindowMs: random.pick([0, 0, 200, 2_000] as const),
    batchBytes: random.pick([600, 100_000] as const),
    maxConcurrency,
    maxInFlight: batchSize * random.pick([1, 2, 2 * maxConcurrency] as const),
    maxInFlightBytes: random.pick([3_000, 1_000_000] as const),
    maxAttempts: random.int(1, 5),
    maxAgeMs: random.chance(0.1) ? 60_000 : undefined,
    maxFreeWaitMs: 1_200_000,
    backoff: {
      initialMs: random.pick([200, 1_000] as const),
      factor: random.pick([1, 2] as const),
      maxMs: random.pick([2_000, 20_000] as const),
      jitter: random.pick(['full', 'none'] as const),
    },
    bisect: random.chance(0.8),
    breaker: {
      failures: random.pick([3, 10, Number.POSITIVE_INFINITY] as const),
      initialMs: 500,
      maxMs: 10_000,
    },
    onDeadLetter: random.chance(0.15) ? 'stop' : 'continue',
    notRetryable: [LISTED_ERROR],
    drainTimeoutMs: random.pick([25_000, 25_000, 50] as const),
    settleTimeoutMs: random.pick([5_000, 60_000] as const),
  }
}
