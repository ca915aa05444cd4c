/** Which of the slots that came due are to be run: what was missed is decided by `missed`, what piles up by `overlap`. */
import { latestSlots, nextSlot, type Schedule, slotsBetween } from './slots.ts'

export type Missed = 'none' | 'latest' | { readonly all: number }

export interface Due {
  /** Ascending. */
  readonly slots: readonly number[]
  /** Whether there were others, which will not be run. */
  readonly dropped: 'none' | 'some'
}

/** Seen later than this a slot was missed: nobody was there. A restart is shorter. */
export const ON_TIME_MS = 60_000

/** Of the slots after `lastMs`, up to and with `nowMs`. */
export const dueSlots = (
  schedule: Schedule,
  { lastMs, nowMs }: { readonly lastMs: number; readonly nowMs: number },
  missed: Missed,
): Due => {
  const first = nextSlot(schedule, lastMs)
  if (first === undefined || first > nowMs) return { slots: [], dropped: 'none' }
  const slots = chosen(schedule, { lastMs, nowMs, first }, missed)
  return { slots, dropped: slots[0] === first ? 'none' : 'some' }
}

const chosen = (
  schedule: Schedule,
  { lastMs, nowMs, first }: { readonly lastMs: number; readonly nowMs: number; readonly first: number },
  missed: Missed,
): readonly number[] => {
  const missedUntilMs = nowMs - ON_TIME_MS - 1
  if (first > missedUntilMs) return slotsBetween(schedule, lastMs, nowMs)
  if (missed === 'latest') return latestSlots(schedule, lastMs, nowMs, 1)
  const onTime = slotsBetween(schedule, missedUntilMs, nowMs)
  return missed === 'none' ? onTime : [...latestSlots(schedule, lastMs, missedUntilMs, missed.all), ...onTime]
}
