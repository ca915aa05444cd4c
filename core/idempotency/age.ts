/** Dead letters that are sent back later than keys are remembered. */
import { formatDuration } from '../config/duration.ts'
import type { Log } from '../log.ts'

export interface Remembered {
  readonly consumer: string
  readonly ttlMs: number
  readonly now: number
  readonly log: Pick<Log, 'warn'>
}

const SHOWN = 10

/** `run`: replayed records that run. Of the old ones nobody can tell any more whether they were processed. */
export const warnOfAge = (
  run: readonly { readonly id: string; readonly time: number }[],
  { consumer, ttlMs, now, log }: Remembered,
): void => {
  const aged = run.filter(({ time }) => now - time > ttlMs)
  if (aged.length === 0) return
  log.warn(
    `${consumer}: ${aged.length} replayed records are older than ttl (${formatDuration(ttlMs)}): whether their keys were processed before is forgotten, so they run`,
    { oldest: aged.map(({ id }) => id).slice(0, SHOWN) },
  )
}
