/** A schedule in words, and its next runs, for people. */
import { formatDuration } from '../../core/config/duration.ts'
import type { Fields } from './expression.ts'
import { nextSlot, type Schedule } from './slots.ts'
import { localTime } from './tick.ts'
import { changesBetween } from './zone.ts'

export interface NextRun {
  /** ISO 8601, UTC. */
  readonly slot: string
  /** By the clock of the zone. */
  readonly local: string
  readonly weekday: string
  /** Why it is at another time than the others: the clock is put forward over it. */
  readonly note?: string
}

/** At most `count` runs after `afterMs`. */
export const nextRuns = (schedule: Schedule, afterMs: number, count: number): readonly NextRun[] => {
  const runs: NextRun[] = []
  for (
    let slot = nextSlot(schedule, afterMs);
    slot !== undefined && runs.length < count;
    slot = nextSlot(schedule, slot)
  )
    runs.push(runAt(schedule.zone, slot))
  return runs
}

const runAt = (zone: string, slotMs: number): NextRun => {
  const [change] = changesBetween(zone, slotMs - 1, slotMs)
  const isForward = change !== undefined && change.after > change.before
  return {
    slot: localTime('UTC', slotMs).replace('+00:00', 'Z'),
    local: localTime(zone, slotMs),
    weekday: new Intl.DateTimeFormat('en-US', { timeZone: zone, weekday: 'long' }).format(slotMs),
    ...(isForward ? { note: `the clock is put forward from ${clockAt(slotMs + change.before)}` } : {}),
  }
}

/** `every day at 02:00 in Europe/Berlin`. */
export const describe = (schedule: Schedule): string => {
  if (schedule.kind === 'every') return `every ${formatDuration(schedule.everyMs)}`
  const { fields, zone } = schedule
  return `${[days(fields), times(fields)].filter(Boolean).join(' ')} in ${zone}`
}

const times = ({ hours, minutes, seconds }: Fields): string => {
  const count = hours.length * minutes.length
  if (isZero(seconds) && count <= FEW_TIMES && hours.length < 24)
    return `at ${list(hours.flatMap(hour => minutes.map(minute => `${two(hour)}:${two(minute)}`)))}`
  const within = hours.length === 24 ? '' : ` of hour ${ranges(hours)}`
  if (!isZero(seconds)) return `at second ${ranges(seconds)} of minute ${ranges(minutes)}${within}`
  const step = stepOf(minutes)
  if (step === undefined) return `at minute ${ranges(minutes)}${within || ' of every hour'}`
  return `${step === 1 ? 'every minute' : `every ${step} minutes`}${within}`
}

const FEW_TIMES = 6

const days = ({ daysOfMonth, daysOfWeek, months, interval }: Fields): string => {
  const weekdays = daysOfWeek.length === 7 ? '' : `on ${list(daysOfWeek.map(weekday))}`
  const dates = daysOfMonth.length === 31 ? '' : `on ${list(daysOfMonth.map(date))}`
  const when = [weekdays, dates].filter(Boolean).join(' that is also ')
  const within = months.length === 12 ? '' : `in ${list(months.map(month))}`
  const every = when || (interval ? '' : 'every day')
  return [every, within].filter(Boolean).join(' ')
}

/** 5 for 0, 5, 10, … 55; undefined for what does not go round the hour evenly from 0. */
const stepOf = (minutes: readonly number[]): number | undefined => {
  const step = 60 / minutes.length
  return minutes.length > 1 && minutes.every((minute, index) => minute === index * step) ? step : undefined
}

const weekday = (day: number | string): string => {
  const [number = '0', nth] = String(day).split('#')
  const name = WEEKDAYS[Number.parseInt(number, 10) % 7] ?? ''
  if (nth !== undefined) return `the ${ordinal(Number(nth))} ${name} of the month`
  return number.endsWith('L') ? `the last ${name} of the month` : name
}

const date = (day: number | string): string => {
  if (day === 'L') return 'the last day of the month'
  if (typeof day === 'string') return `the working day nearest the ${ordinal(Number.parseInt(day, 10))}`
  return `the ${ordinal(day)}`
}

const month = (number: number): string =>
  new Intl.DateTimeFormat('en-US', { timeZone: 'UTC', month: 'long' }).format(Date.UTC(2026, number - 1))

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const ENDINGS: Readonly<Record<string, string>> = { one: 'st', two: 'nd', few: 'rd' }
const plural = new Intl.PluralRules('en-US', { type: 'ordinal' })

const ordinal = (number: number): string => `${number}${ENDINGS[plural.select(number)] ?? 'th'}`

const isZero = (numbers: readonly number[]): boolean => numbers.length === 1 && numbers[0] === 0

/** `1-3, 7`. */
const ranges = (numbers: readonly number[]): string => {
  const found: [number, number][] = []
  for (const number of numbers) {
    const last = found.at(-1)
    if (last && last[1] === number - 1) last[1] = number
    else found.push([number, number])
  }
  return found.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')
}

const list = (items: readonly string[]): string =>
  items.length < 2 ? items.join() : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`

const two = (number: number): string => String(number).padStart(2, '0')

const clockAt = (wallMs: number): string => new Date(wallMs).toISOString().slice(11, 16)
