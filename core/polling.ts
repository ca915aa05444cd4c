/** Polls of sources that have to look: again when something rings, when more may be due, and until their time is up. */
import { type Clock, sleepUnless } from './clock.ts'
import type { Delivery, PollRequest } from './contract.ts'

/** Rung when there may be more to find than there was. */
export interface Bell {
  ring(): void
  /** Resolves with the next ring. Take it before looking, so that what comes in between is heard as well. */
  next(): Promise<void>
}

export const createBell = (): Bell => {
  let coming = Promise.withResolvers<void>()
  return {
    ring() {
      const { resolve } = coming
      coming = Promise.withResolvers()
      resolve()
    },
    next: () => coming.promise,
  }
}

export interface Looking {
  readonly bell: Bell
  readonly isClosed: () => boolean
  /** Claims what there is now. */
  readonly attempt: () => Promise<readonly Delivery[]>
  /** Milliseconds after which it is worth another look though nothing rang; asked after each one. */
  readonly pauseMs: () => number
}

/** Attempts until there is something, `waitMs` are over, the signal aborts or the source is closed. Rejects as `attempt` does. */
export const pollUntilFound = async (
  clock: Clock,
  { waitMs, signal }: Pick<PollRequest, 'waitMs' | 'signal'>,
  { bell, isClosed, attempt, pauseMs }: Looking,
): Promise<readonly Delivery[]> => {
  const endAtMs = clock.monotonic() + waitMs
  while (!isClosed() && !signal.aborted) {
    const rung = bell.next()
    const found = await attempt()
    const leftMs = endAtMs - clock.monotonic()
    if (found.length > 0 || leftMs <= 0) return found
    await sleepUnless(clock, Math.min(leftMs, pauseMs()), rung, signal)
  }
  return []
}
