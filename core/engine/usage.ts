/** What a function has used since the app started, counted as AWS Lambda bills it. */
import type { Report } from './contract.ts'

export interface Usage {
  readonly requests: number
  /** Each duration, with its Init, rounded up to a whole millisecond. */
  readonly billedMs: number
  /** Billed time times memory size. */
  readonly gbSeconds: number
  /** What the same would cost on Lambda: a guide to which function is dear, not a bill. */
  readonly estimatedUsd: number
}

export interface UsageMeter {
  add(report: Pick<Report, 'billedMs' | 'gbSeconds'>): void
  read(): Usage
}

/** Lambda's list prices for x86 in us-east-1, first tier, without the free one, as they were in 2026. */
const USD_PER_REQUEST = 0.2e-6
const USD_PER_GB_SECOND = 0.0000166667

const MS_PER_SECOND = 1_000
const MB_PER_GB = 1_024

export const gbSeconds = (billedMs: number, memoryMb: number): number =>
  (billedMs / MS_PER_SECOND) * (memoryMb / MB_PER_GB)

export const createUsageMeter = (): UsageMeter => {
  let requests = 0
  let billedMs = 0
  let total = 0
  return {
    add(report) {
      requests += 1
      billedMs += report.billedMs
      total += report.gbSeconds
    },
    read: () => ({
      requests,
      billedMs,
      gbSeconds: total,
      estimatedUsd: requests * USD_PER_REQUEST + total * USD_PER_GB_SECOND,
    }),
  }
}
