/** Looking for letters to replay, as rarely as can be: most looks read one number and find it unchanged. */
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { ClaimedLetter, ClaimRequest, ReplayStore } from './replay-store.ts'

export interface Look {
  /** Leases what is due. Empty without asking the store while nothing can have changed. */
  claim(request: ClaimRequest): Promise<readonly ClaimedLetter[]>
  /** How long to wait before looking again, at most the store's `lookMs`. */
  pauseMs(): number
}

/** How often letters of processes that died are looked for. */
const RECLAIM_MS = 1_000

export const replayLook = (store: ReplayStore, { clock, log }: { clock: Clock; log: Log }): Look => {
  /** What was known when the last look found nothing: until it changes, or a letter is due, there is nothing. */
  let seenChanges: number | undefined
  let dueAt: number | undefined
  let reclaimAt = clock.monotonic()

  const reclaim = async ({ mapping, source }: ClaimRequest): Promise<void> => {
    if (clock.monotonic() < reclaimAt) return
    const letters = await store.reclaim(mapping, source)
    reclaimAt = clock.monotonic() + RECLAIM_MS
    if (letters === 0) return
    seenChanges = undefined
    log.info('took over replays of a process that ended or stopped answering', { mapping, letters })
  }

  return {
    async claim(request) {
      await reclaim(request)
      const changes = store.changes()
      if (changes === seenChanges && (dueAt === undefined || dueAt > clock.now())) return []
      const { letters, unreadable, lookAt } = await store.claim(request)
      for (const { id, error } of unreadable)
        log.error('a dead letter could not be replayed and is open again', { letter: id, error: error.message })
      dueAt = lookAt
      // Letters mean that there may be more; and what was claimed meanwhile has changed the number.
      seenChanges = letters.length > 0 ? undefined : changes
      return letters
    },
    pauseMs: () => (dueAt === undefined ? store.lookMs : Math.max(0, Math.min(store.lookMs, dueAt - clock.now()))),
  }
}
