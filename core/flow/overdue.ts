/** Gives back claims that a source cannot keep for longer, before they are taken away with whatever runs on them. */
import type { Cancel } from '../clock.ts'
import { giveBack } from './ending.ts'
import type { Flow } from './flow.ts'
import { deferralStep } from './retry.ts'

/** Of `maxClaimMs`; what is left is for the giving back itself, and for a broker that looks late. */
const KEPT_SHARE = 0.8
/** How often claims are looked at, in shares of `maxClaimMs`: none is kept beyond 80 % and one look. */
const LOOK_SHARE = 0.05

/** Watches the claims of records that wait, until the answer is called. Of a source without `maxClaimMs` there is nothing to watch. */
export const watchClaims = (flow: Flow): Cancel => {
  const { maxClaimMs } = flow.source
  if (maxClaimMs === undefined) return () => {}
  const { clock } = flow.tools
  const look = (): void => {
    giveBackOverdue(flow, (KEPT_SHARE - LOOK_SHARE) * maxClaimMs)
    cancel = clock.after(LOOK_SHARE * maxClaimMs, look)
  }
  let cancel = clock.after(LOOK_SHARE * maxClaimMs, look)
  return () => cancel()
}

/** With its attempts, and with what is left of its wait where the source can keep that; an order's later records follow. */
const giveBackOverdue = (flow: Flow, keptMs: number): void => {
  const now = flow.tools.clock.monotonic()
  for (const entry of [...flow.waiting.entries()]) {
    const { scope } = entry
    if (entry.state !== 'waiting' || now - (scope.queue[0] ?? entry).arrivedAt < keptMs) continue
    const leftMs = scope.blockedUntil - now
    const step =
      scope.name === null && leftMs > 0 && Number.isFinite(leftMs)
        ? deferralStep(Math.ceil(leftMs), flow.source.deferStepsMs)
        : undefined
    flow.waiting.remove(entry)
    giveBack(flow, entry, step)
  }
}
