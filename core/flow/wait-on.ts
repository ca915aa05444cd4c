/**
 * Records that come before their time: deferred for longer than their broker can keep them, released in the middle of a
 * wait, or read again after a restart. They wait for the rest of it and are not tried before; nobody is charged for that.
 */
import { giveBack } from './ending.ts'
import type { Entry } from './entry.ts'
import type { Flow } from './flow.ts'
import { DEFER_FROM_MS, deferralStep } from './retry.ts'

/**
 * Has a record that was let in go on waiting. `dueAt` is what the store knows of it, in milliseconds since the epoch.
 * `here`: it waits in this process; `deferred`: it is on its way back to the source; `no`: it need not wait.
 */
export const resumeWait = (flow: Flow, entry: Entry, dueAt: number | undefined): 'here' | 'deferred' | 'no' => {
  const { id } = entry.delivery.record
  const recalledUntil = flow.waits.size === 0 ? undefined : flow.waits.get(id)
  if (recalledUntil === undefined && dueAt === undefined) return 'no'
  flow.waits.delete(id)
  // What is decided already waits for nothing.
  if (entry.state !== 'waiting' || entry.parkedBefore || flow.settler.remembered(id)) return 'no'
  const now = flow.tools.clock.monotonic()
  const leftMs = Math.max((recalledUntil ?? now) - now, (dueAt ?? 0) - flow.tools.clock.now())
  if (leftMs <= 0) return 'no'
  const { scope } = entry
  const step = leftMs < DEFER_FROM_MS ? undefined : deferralStep(Math.ceil(leftMs), flow.source.deferStepsMs)
  if (scope.name === null && step !== undefined) {
    flow.waiting.remove(entry)
    giveBack(flow, entry, step)
    return 'deferred'
  }
  flow.waiting.block(scope, Math.max(now + leftMs, scope.blockedUntil))
  return 'here'
}
