import { sleep, systemClock } from '../../core/clock.ts'

/** How long a condition may take on a machine that is busy with other things. */
const PATIENCE_MS = 20_000
const PAUSE_MS = 5

/**
 * Resolves with the first value of `condition` that is neither false nor undefined; rejects, naming what was waited
 * for, once `timeoutMs` have passed (default: 20 s).
 */
export const until = async <T>(
  what: string,
  condition: () => T | Promise<T>,
  { timeoutMs = PATIENCE_MS }: { timeoutMs?: number } = {},
): Promise<Exclude<T, false | undefined>> => {
  const giveUpAt = systemClock.monotonic() + timeoutMs
  for (;;) {
    const value = await condition()
    if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>
    if (systemClock.monotonic() > giveUpAt) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`)
    await sleep(systemClock, PAUSE_MS)
  }
}
