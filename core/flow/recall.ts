/**
 * A source that is about to hand over what it owns asks for all that does not run (`Delivery.recalled`): nobody is to wait
 * for a record that only waits itself. It is given back with its attempts; where it comes back to this process before its
 * time, it waits for the rest of it (wait-on.ts), so that a rebalance costs no attempt.
 */
import { giveBack } from './ending.ts'
import type { Entry } from './entry.ts'
import type { Flow } from './flow.ts'

/** Gives the entry back when it is recalled and does not run. To be called whenever it begins to wait. */
export const watchRecall = (flow: Flow, entry: Entry): void => {
  const { recalled } = entry.delivery
  if (!recalled) return
  if (recalled.aborted) giveBackRecalled(flow, [entry])
  if (recalled.aborted || flow.recalls.has(recalled)) return
  flow.recalls.add(recalled)
  const giveBackAll = (): void => {
    forgetPastWaits(flow)
    giveBackRecalled(flow, [...flow.waiting.entries()])
  }
  recalled.addEventListener('abort', giveBackAll, { once: true })
}

const giveBackRecalled = (flow: Flow, entries: readonly Entry[]): void => {
  const now = flow.tools.clock.monotonic()
  for (const entry of entries) {
    if (entry.state !== 'waiting' || entry.delivery.recalled?.aborted !== true) continue
    const { queue, blockedUntil } = entry.scope
    const isHead = queue[0] === entry
    if (isHead && blockedUntil > now && Number.isFinite(blockedUntil))
      flow.waits.set(entry.delivery.record.id, blockedUntil)
    flow.waiting.remove(entry)
    giveBack(flow, entry, undefined)
  }
}

/** Of records that went to other processes. */
const forgetPastWaits = ({ tools, waits }: Flow): void => {
  const now = tools.clock.monotonic()
  for (const [id, until] of waits) if (until <= now) waits.delete(id)
}
