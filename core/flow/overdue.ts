/** Gives back claims that a source cannot keep for longer, before they are taken away with whatever runs on them. */
import type { Cancel } from '../clock.ts'
import { giveBack } from './ending.ts'
import type { Entry } from './entry.ts'
import type { Flow } from './flow.ts'
import { deferralStep } from './retry.ts'

/** Of `maxClaimMs`; what is left is for the giving back itself, and for a broker that looks late. */
const KEPT_SHARE = 0.8
/** How often claims are looked at, in shares of `maxClaimMs`: none is kept beyond 80 % and one look. */
const LOOK_SHARE = 0.05

export interface Overdue {
  /**
   * Lets something run while nothing is polled and the source holds nothing that it has not handed out: later records of
   * a key would overtake those that are on their way back. Never rejects.
   */
  readonly whileIdle: (giveBack: () => void) => Promise<void>
}

/** Watches the claims of records that wait, until the answer is called. Of a source without `maxClaimMs` there is nothing to watch. */
export const watchClaims = (flow: Flow, { whileIdle }: Overdue): Cancel => {
  const { maxClaimMs } = flow.source
  if (maxClaimMs === undefined) return () => {}
  const { clock } = flow.tools
  const keptMs = (KEPT_SHARE - LOOK_SHARE) * maxClaimMs
  const giveBackAll = (): void => {
    for (const entry of overdue(flow, keptMs)) giveBackOverdue(flow, entry)
  }
  const look = (): void => {
    cancel = clock.after(LOOK_SHARE * maxClaimMs, look)
    const isOrdered = overdue(flow, keptMs).some(({ scope }) => scope.name !== null)
    if (isOrdered && !flow.source.ordered) void whileIdle(giveBackAll)
    else giveBackAll()
  }
  let cancel = clock.after(LOOK_SHARE * maxClaimMs, look)
  return () => cancel()
}

/** A scope is as old as its head: what comes behind it goes back with it. */
const overdue = (flow: Flow, keptMs: number): readonly Entry[] => {
  const now = flow.tools.clock.monotonic()
  return [...flow.waiting.entries()].filter(
    entry => entry.state === 'waiting' && now - (entry.scope.queue[0] ?? entry).arrivedAt >= keptMs,
  )
}

/** With its attempts, and with what is left of its wait where the source can keep that. */
const giveBackOverdue = (flow: Flow, entry: Entry): void => {
  const { scope } = entry
  const leftMs = scope.blockedUntil - flow.tools.clock.monotonic()
  const step =
    scope.name === null && leftMs > 0 && Number.isFinite(leftMs)
      ? deferralStep(Math.ceil(leftMs), flow.source.deferStepsMs)
      : undefined
  flow.waiting.remove(entry)
  giveBack(flow, entry, step)
}
