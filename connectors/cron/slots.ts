/**
 * When a schedule is due. node-cron's own next run leaves out the hour that a clock shows twice and a time that it never
 * shows; here neither is left out:
 *
 *   put forward   01:59 ▶ 03:00   what lies in between is due at the first moment after it, once
 *   put back      02:59 ▶ 02:00   fixed hours are had once, at the first; every so many minutes goes on in real time
 *
 * A slot is a moment, in milliseconds since the epoch, on a whole second.
 */
import { matches, nextMatch } from './calendar.ts'
import type { Fields } from './expression.ts'
import { type Change, changesBetween, offsetAt } from './zone.ts'

export type Schedule =
  | { readonly kind: 'at'; readonly expression: string; readonly fields: Fields; readonly zone: string }
  /** Counted from the epoch, so that every process has the same slots. */
  | { readonly kind: 'every'; readonly everyMs: number; readonly zone: string }

/** The first slot after `afterMs`; undefined: never again. */
export const nextSlot = (schedule: Schedule, afterMs: number): number | undefined =>
  schedule.kind === 'every'
    ? (Math.floor(afterMs / schedule.everyMs) + 1) * schedule.everyMs
    : nextByClock(schedule.fields, schedule.zone, afterMs)

/** The slots after `fromMs`, up to and with `toMs`. */
export const slotsBetween = (schedule: Schedule, fromMs: number, toMs: number): readonly number[] => {
  const slots: number[] = []
  for (let slot = nextSlot(schedule, fromMs); slot !== undefined && slot <= toMs; slot = nextSlot(schedule, slot))
    slots.push(slot)
  return slots
}

/** The last `max` of them, without counting those of a year in which nothing ran. */
export const latestSlots = (schedule: Schedule, fromMs: number, toMs: number, max: number): readonly number[] => {
  for (let spanMs = FIRST_SPAN_MS; ; spanMs *= 2) {
    const startMs = Math.max(fromMs, toMs - spanMs)
    const slots = slotsBetween(schedule, startMs, toMs)
    if (slots.length >= max || startMs === fromMs) return slots.slice(-max)
  }
}

const FIRST_SPAN_MS = 60_000
/** No clock was ever put back by more. */
const LONGEST_REPEAT_MS = 2 * 86_400_000

const nextByClock = (fields: Fields, zone: string, afterMs: number): number | undefined => {
  let atMs = Math.floor(afterMs / 1_000) * 1_000
  let offsetMs = offsetAt(zone, atMs)
  let wallMs = atMs + offsetMs + 1_000
  if (!fields.interval) wallMs = Math.max(wallMs, shownBefore(zone, atMs))
  for (;;) {
    const match = nextMatch(fields, wallMs)
    if (match === undefined) return undefined
    const [change] = changesBetween(zone, atMs, match - offsetMs)
    if (!change) return match - offsetMs
    if (isSkippedOver(fields, change)) return change.at
    const { at, before, after } = change
    atMs = at
    offsetMs = after
    wallMs = at + (fields.interval ? after : Math.max(before, after))
  }
}

/** Up to which wall clock time everything was shown once already, when the clock was put back lately. */
const shownBefore = (zone: string, atMs: number): number =>
  Math.max(
    Number.NEGATIVE_INFINITY,
    ...[...changesBetween(zone, atMs - LONGEST_REPEAT_MS, atMs)].map(({ at, before }) => at + before),
  )

/**
 * Whether something was due at a time that the clock does not show. What goes on in real time is not missed where it is
 * due as much later as the clock was put forward: 02:05 was, and is, an hour after 01:05.
 */
const isSkippedOver = (fields: Fields, { at, before, after }: Change): boolean => {
  const endMs = at + after
  let missing = nextMatch(fields, at + before)
  while (missing !== undefined && missing < endMs) {
    if (!fields.interval || !matches(fields, missing + after - before)) return true
    missing = nextMatch(fields, missing + 1_000)
  }
  return false
}
