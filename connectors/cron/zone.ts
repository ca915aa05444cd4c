/** Time zones as Intl knows them: how far their clocks are from UTC, and when they are put forward or back. */

/** A clock that is put to another offset. Milliseconds; at `at` the offset is `after`. */
export interface Change {
  readonly at: number
  readonly before: number
  readonly after: number
}

const WEEK_MS = 7 * 86_400_000

const formats = new Map<string, Intl.DateTimeFormat>()
const changesOf = new Map<string, Map<number, readonly Change[]>>()

export const isZone = (zone: string): boolean => {
  try {
    formatOf(zone)
    return true
  } catch {
    return false
  }
}

/** What its clocks show is UTC plus this many milliseconds. Throws when there is no such zone. */
export const offsetAt = (zone: string, ms: number): number => {
  const match = OFFSET.exec(formatOf(zone).format(ms))
  if (!match) return 0
  const [, sign, hours, minutes = 0, seconds = 0] = match
  return (sign === '-' ? -1 : 1) * (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * 1_000
}

/** `1/2/2026, GMT+05:30`; plain GMT without an offset. */
const OFFSET = /GMT([+-])(\d+)(?::(\d+))?(?::(\d+))?$/

/** The changes after `fromMs`, up to and with `toMs`, in order; as far as they are asked for. */
export function* changesBetween(zone: string, fromMs: number, toMs: number): Generator<Change> {
  const lastYear = new Date(toMs).getUTCFullYear()
  for (let year = new Date(fromMs).getUTCFullYear(); year <= lastYear; year += 1)
    for (const change of changesIn(zone, year)) if (change.at > fromMs && change.at <= toMs) yield change
}

const changesIn = (zone: string, year: number): readonly Change[] => {
  const years = changesOf.get(zone) ?? new Map<number, readonly Change[]>()
  changesOf.set(zone, years)
  const known = years.get(year)
  if (known) return known
  const found = findChanges(zone, Date.UTC(year, 0), Date.UTC(year + 1, 0))
  years.set(year, found)
  return found
}

/** One look a week: since 2001 no zone has changed its clocks twice within one. The last millisecond of the year before belongs to it. */
const findChanges = (zone: string, startMs: number, endMs: number): readonly Change[] => {
  const changes: Change[] = []
  let before = offsetAt(zone, startMs - 1)
  for (let low = startMs - 1; low < endMs - 1; low += WEEK_MS) {
    const high = Math.min(low + WEEK_MS, endMs - 1)
    const after = offsetAt(zone, high)
    if (after !== before) changes.push({ at: changeWithin(zone, low, high, before), before, after })
    before = after
  }
  return changes
}

const changeWithin = (zone: string, fromMs: number, toMs: number, before: number): number => {
  let [low, high] = [fromMs, toMs]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (offsetAt(zone, middle) === before) low = middle
    else high = middle
  }
  return high
}

const formatOf = (zone: string): Intl.DateTimeFormat => {
  let format = formats.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
    formats.set(zone, format)
  }
  return format
}
