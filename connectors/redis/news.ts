/** What a poll waits for: something to look at, the time to be up, its signal to abort; whichever comes first. */
import { type Clock, sleepUnless } from '../../core/clock.ts'

export interface News {
  /** Ends every wait that began before. */
  tell(): void
  /** Take this before looking, so that what comes in between ends the wait as well. */
  next(): Promise<void>
  /** Resolves with `event`, after `ms`, or when the signal aborts, and leaves no timer behind. */
  wait(event: Promise<void>, ms: number, signal: AbortSignal): Promise<void>
}

export const createNews = (clock: Clock): News => {
  let coming = Promise.withResolvers<void>()
  return {
    tell() {
      const { resolve } = coming
      coming = Promise.withResolvers()
      resolve()
    },
    next: () => coming.promise,
    wait: (event, ms, signal) => sleepUnless(clock, ms, event, signal),
  }
}
