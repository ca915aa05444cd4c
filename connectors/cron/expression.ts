/** Cron expressions as fields. node-cron reads them: five or six of them, names, ranges, steps, `L`, `W` and `#`. */
import { createRequire } from 'node:module'

/** What an expression matches, by the wall clock of its zone. All lists are ascending. */
export interface Fields {
  readonly seconds: readonly number[]
  readonly minutes: readonly number[]
  readonly hours: readonly number[]
  /** Numbers, `L` (the last), `15W` (the working day next to the 15th). */
  readonly daysOfMonth: readonly (number | string)[]
  readonly months: readonly number[]
  /** 0 is Sunday; `5#2` (the second Friday), `5L` (the last Friday). A day must match this and `daysOfMonth`. */
  readonly daysOfWeek: readonly (number | string)[]
  /**
   * True for what runs every so many minutes or seconds, or in every hour: it goes on in real time while a clock is put
   * back. False for fixed hours, which are had once.
   */
  readonly interval: boolean
}

export const SHORTHANDS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}

/** A client is loaded when it is needed, not by every function that imports the file of its channels. */
const library = (): typeof import('node-cron') => createRequire(import.meta.url)('node-cron')

/** The fields, or what a message says is wrong. */
export const parseExpression = (text: string): Fields | { readonly problem: string } => {
  const written = text.trim().replaceAll(/\s+/g, ' ')
  const plain = SHORTHANDS[written.toLowerCase()] ?? written
  const { valid, fields, errors } = library().validateDetailed(plain)
  if (!valid || !fields)
    return { problem: errors.map(({ message }) => message).join('; ') || 'it is no cron expression' }
  const days = [...fields.dayOfMonth, ...fields.dayOfWeek].filter(day => typeof day === 'string')
  const unknown = days.find(day => !KNOWN_DAY.test(day))
  if (unknown !== undefined) return { problem: `the day ${unknown} is not supported` }
  const [seconds = '', minutes = ''] = plain.split(' ').length === 6 ? plain.split(' ') : ['0', ...plain.split(' ')]
  return {
    seconds: ascending(fields.second),
    minutes: ascending(fields.minute),
    hours: ascending(fields.hour),
    daysOfMonth: fields.dayOfMonth,
    months: ascending(fields.month),
    daysOfWeek: fields.dayOfWeek,
    interval: fields.hour.length === HOURS || REPEATS.test(seconds) || REPEATS.test(minutes),
  }
}

const KNOWN_DAY = /^(?:L|\d+W|\d#\d|\dL)$/
const REPEATS = /[*/]/
const HOURS = 24

const ascending = (numbers: readonly number[]): readonly number[] => [...new Set(numbers)].sort((a, b) => a - b)
