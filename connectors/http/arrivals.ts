/** Waiting for the next request: once a turn of the event loop under load, so that it must not cost a timer each time. */
import type { Cancel, Clock } from '../../core/clock.ts'

export interface Arrivals {
  /** Resolves when it is woken, when `signal` aborts, or after at most `waitMs`. For one who waits at a time. */
  next(waitMs: number, signal: AbortSignal): Promise<void>
  wake(): void
  close(): void
}

export const createArrivals = (clock: Clock): Arrivals => {
  const known = new WeakSet<AbortSignal>()
  let waiter: (() => void) | undefined
  let cancel: Cancel | undefined
  /** When the timer ends, by the monotonic clock. */
  let endsAt = Number.POSITIVE_INFINITY

  const wake = (): void => {
    waiter?.()
    waiter = undefined
  }
  return {
    next(waitMs, signal) {
      if (!known.has(signal)) {
        known.add(signal)
        signal.addEventListener('abort', wake, { once: true })
      }
      // Left running when somebody is woken before: whoever waits next waits shorter, and asks again.
      const wanted = clock.monotonic() + waitMs
      if (wanted < endsAt) {
        cancel?.()
        endsAt = wanted
        cancel = clock.after(waitMs, () => {
          endsAt = Number.POSITIVE_INFINITY
          wake()
        })
      }
      return new Promise(resolve => {
        waiter = resolve
      })
    },
    wake,
    close() {
      cancel?.()
      wake()
    },
  }
}
