/**
 * What the sources of one process tell each other about a shared database: that something changed on a channel, and
 * which members of a group were closed without being able to write it down.
 */
import type { Clock } from '../../core/clock.ts'
import type { Database } from '../../core/database.ts'

export interface Wakes {
  /** Raised by every change of the channel in this process. */
  count(channel: number): number
  wake(channel: number): void
  /** Resolves after `ms`, when the signal aborts, or as soon as the count is another than `seen`. */
  wait(channel: number, seen: number, clock: Clock, ms: number, signal: AbortSignal): Promise<void>
  /** Members of this process whose source is closed: their claims are free although the process lives. */
  readonly retired: ReadonlySet<number>
  /** Frees the member's claims for this process's readers at once; they stay free if `dismiss` cannot write it down. */
  retire(channel: number, member: number, dismiss: () => Promise<unknown>): Promise<void>
}

const shared = new WeakMap<Database, Wakes>()

/** The same for every connection of the process to this database. */
export const wakesOf = (database: Database): Wakes => {
  let wakes = shared.get(database)
  if (!wakes) {
    wakes = createWakes()
    shared.set(database, wakes)
  }
  return wakes
}

const createWakes = (): Wakes => {
  const counts = new Map<number, number>()
  const waiters = new Map<number, Set<() => void>>()
  const retired = new Set<number>()
  const count = (channel: number): number => counts.get(channel) ?? 0
  const wake = (channel: number): void => {
    counts.set(channel, count(channel) + 1)
    const waiting = waiters.get(channel)
    waiters.delete(channel)
    for (const resume of waiting ?? []) resume()
  }
  return {
    retired,
    count,
    wake,
    async retire(channel, member, dismiss) {
      retired.add(member)
      wake(channel)
      await dismiss()
      retired.delete(member)
    },
    wait: (channel, seen, clock, ms, signal) =>
      new Promise(resolve => {
        if (signal.aborted || count(channel) !== seen) return resolve()
        const done = (): void => {
          cancel()
          waiters.get(channel)?.delete(done)
          signal.removeEventListener('abort', done)
          resolve()
        }
        const cancel = clock.after(ms, done)
        signal.addEventListener('abort', done, { once: true })
        const waiting = waiters.get(channel) ?? new Set()
        waiters.set(channel, waiting.add(done))
      }),
  }
}
