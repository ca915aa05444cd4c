/** Waiting for records without a busy loop: woken by this process at once, looking for others' work now and then. */

import type { Cancel, Clock } from '../../core/clock.ts'
import type { Delivery, PollRequest } from '../../core/contract.ts'
import type { Place } from './place.ts'
import type { Channel } from './tables.ts'

/** How soon what another process wrote is noticed. A look costs some microseconds. */
export const TICK_MS = 50

export interface Looking {
  readonly attempt: () => Promise<readonly Delivery[]>
  /** How long nothing can become ready by itself; other processes are looked for sooner. */
  readonly idleMs: () => number
}

/** Attempts until there is something, the time is up, the signal aborts, or the source is no longer open. */
export const pollUntil = async (
  place: Place,
  channel: Channel,
  request: PollRequest,
  isOpen: () => boolean,
  looking: Looking,
): Promise<readonly Delivery[]> => {
  const { clock, wakes } = place
  const endAtMs = clock.monotonic() + request.waitMs
  for (;;) {
    if (!isOpen() || request.signal.aborted) return []
    const seen = wakes.count(channel.number)
    const found = await looking.attempt()
    const leftMs = endAtMs - clock.monotonic()
    if (found.length > 0 || leftMs <= 0 || request.signal.aborted) return found
    const pauseMs = Math.min(leftMs, TICK_MS, looking.idleMs())
    await wakes.wait(channel.number, seen, clock, pauseMs, request.signal)
  }
}

/** Runs again and again, `ms` after the last time ended. */
export const every = (clock: Clock, ms: number, run: () => Promise<void>): Cancel => {
  let stopped = false
  let cancel: Cancel = () => {}
  const arm = (): void => {
    cancel = clock.after(ms, () => {
      void run().then(() => {
        if (!stopped) arm()
      })
    })
  }
  arm()
  return () => {
    stopped = true
    cancel()
  }
}
