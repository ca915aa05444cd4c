/** Polls that wait, and what ends their waiting before its time. */
import type { Clock } from '../../core/clock.ts'

export interface Wakes {
  count(): number
  wake(): void
  /** Resolves after `ms`, when the signal aborts, or as soon as the count is another than `seen`. */
  wait(clock: Clock, ms: number, seen: number, signal: AbortSignal): Promise<void>
}

export const createWakes = (): Wakes => {
  const waiting = new Set<() => void>()
  let wakes = 0
  return {
    count: () => wakes,
    wake() {
      wakes += 1
      for (const done of [...waiting]) done()
    },
    wait: (clock, ms, seen, signal) =>
      new Promise(resolve => {
        if (signal.aborted || wakes !== seen) return resolve()
        const done = (): void => {
          cancel()
          waiting.delete(done)
          signal.removeEventListener('abort', done)
          resolve()
        }
        const cancel = clock.after(ms, done)
        waiting.add(done)
        signal.addEventListener('abort', done, { once: true })
      }),
  }
}
