/** Which wall clock times fields match. A wall clock time is written as if its clock were UTC: milliseconds, whole seconds. */
import type { Fields } from './expression.ts'

const DAY_MS = 86_400_000
/** 29 February on a certain day of the week comes within 40 years; what does not come within this comes never. */
const SEARCH_DAYS = 45 * 366

/** The first time from `fromMs` on, itself included, that the fields match; undefined: never. */
export const nextMatch = (fields: Fields, fromMs: number): number | undefined => {
  const first = Math.floor(fromMs / DAY_MS)
  for (let day = first; day <= first + SEARCH_DAYS; day += 1) {
    if (!dayMatches(fields, new Date(day * DAY_MS))) continue
    const seconds = nextTime(fields, day === first ? Math.ceil((fromMs - day * DAY_MS) / 1_000) : 0)
    if (seconds !== undefined) return day * DAY_MS + seconds * 1_000
  }
  return undefined
}

export const matches = (fields: Fields, wallMs: number): boolean => nextMatch(fields, wallMs) === wallMs

/** The first second of a day, from `from` on, that the fields match. */
const nextTime = ({ hours, minutes, seconds }: Fields, from: number): number | undefined => {
  for (const hour of hours) {
    if (hour * 3_600 + 3_599 < from) continue
    for (const minute of minutes) {
      const start = hour * 3_600 + minute * 60
      if (start + 59 < from) continue
      const second = seconds.find(each => start + each >= from)
      if (second !== undefined) return start + second
    }
  }
  return undefined
}

const dayMatches = ({ months, daysOfMonth, daysOfWeek }: Fields, date: Date): boolean =>
  months.includes(date.getUTCMonth() + 1) &&
  daysOfMonth.some(day => (typeof day === 'number' ? day === date.getUTCDate() : isNamedDay(day, date))) &&
  daysOfWeek.some(day => (typeof day === 'number' ? day === date.getUTCDay() : isNamedWeekday(day, date)))

const isNamedDay = (day: string, date: Date): boolean =>
  day === 'L'
    ? date.getUTCDate() === lastDay(date)
    : date.getUTCDate() === workingDayNear(Number.parseInt(day, 10), date)

/** Saturday: the Friday before it, Sunday: the Monday after it, but never in another month. A day the month lacks: none. */
const workingDayNear = (day: number, date: Date): number | undefined => {
  const last = lastDay(date)
  if (day > last) return undefined
  const weekday = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), day)).getUTCDay()
  if (weekday === 6) return day === 1 ? 3 : day - 1
  if (weekday === 0) return day === last ? day - 2 : day + 1
  return day
}

const isNamedWeekday = (day: string, date: Date): boolean => {
  const [weekday = '', nth] = day.split('#')
  if (Number.parseInt(weekday, 10) % 7 !== date.getUTCDay()) return false
  return nth === undefined ? date.getUTCDate() + 7 > lastDay(date) : Math.ceil(date.getUTCDate() / 7) === Number(nth)
}

const lastDay = (date: Date): number =>
  new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
