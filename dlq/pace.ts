/** How many letters a job gives out at this moment. Pure. */
export interface Pace {
  /** Null: as many as there is room for. */
  readonly perSecond: number | null
  /** From when on the rate allows letters, in milliseconds since the epoch: raised with every letter taken. */
  readonly rateFrom: number
  readonly concurrency: number | null
  readonly canary: number | null
  readonly taken: number
  readonly ended: number
}

export interface Allowance {
  readonly letters: number
  /** When there may be more, in milliseconds since the epoch; left out when that hangs on letters that run. */
  readonly lookAt?: number
}

/** What was not taken within a second, or the time of one letter, is not caught up on. */
const burstMs = (perSecond: number): number => Math.max(1_000, 1_000 / perSecond)

/** When the next letters are allowed once so many were taken. */
export const rateFromAfter = (
  pace: { readonly perSecond: number; readonly rateFrom: number },
  taken: number,
  now: number,
): number => Math.max(pace.rateFrom, now - burstMs(pace.perSecond)) + (taken * 1_000) / pace.perSecond

export const allowance = ({ perSecond, rateFrom, concurrency, canary, taken, ended }: Pace, now: number): Allowance => {
  const underWay = taken - ended
  const byConcurrency = (concurrency ?? Number.POSITIVE_INFINITY) - underWay
  const byCanary = canary === null || ended >= canary ? Number.POSITIVE_INFINITY : canary - taken
  const room = Math.max(0, Math.min(byConcurrency, byCanary))
  if (perSecond === null || room === 0) return { letters: room }
  const from = Math.max(rateFrom, now - burstMs(perSecond))
  // Fractions add up to a little less than what they stand for.
  const byRate = Math.max(0, Math.floor(((now - from) * perSecond) / 1_000 + 1e-6))
  return byRate > 0 ? { letters: Math.min(room, byRate) } : { letters: 0, lookAt: Math.ceil(from + 1_000 / perSecond) }
}
