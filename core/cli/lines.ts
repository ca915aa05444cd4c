/** The log as lines on an output: for people, or as JSON for machines. */
import type { Clock } from '../clock.ts'
import { errorInfo, MillraceError } from '../errors.ts'
import { type Log, type LogFields, type LogLevel, logTo } from '../log.ts'
import { printable } from './text.ts'

export interface LogLine {
  /** Milliseconds since the epoch. */
  readonly time: number
  readonly level: LogLevel
  readonly message: string
  readonly fields: LogFields
}

/** A log that hands each line, `debug` left out, to `take`. */
export const linesTo = (clock: Clock, take: (line: LogLine) => void): Log =>
  logTo((level, message, fields) => {
    if (level !== 'debug') take({ time: clock.now(), level, message, fields })
  })

/** `12:03:04.567 warn  a batch failed as a whole · mapping=charge records=3`. UTC; always one line. */
export const plainLine = ({ time, level, message, fields }: LogLine): string => {
  const at = new Date(time).toISOString().slice(11, 23)
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${fieldText(value)}`)
  return printable(`${at} ${level.padEnd(5)} ${message}${rest.length > 0 ? ` · ${rest.join(' ')}` : ''}`)
}

/** One JSON object; `time` in ISO 8601, errors as name, message, code and stack. Never throws. */
export const jsonLine = ({ time, level, message, fields }: LogLine): string => {
  const head = { time: new Date(time).toISOString(), level, message }
  try {
    return JSON.stringify({ ...fields, ...head }, plainJson)
  } catch (error) {
    return JSON.stringify({ ...head, unprintable: errorInfo(error).message })
  }
}

const fieldText = (value: unknown): string => {
  if (value instanceof Error || isErrorInfo(value)) return quoted(`${value.name}: ${value.message}`)
  if (typeof value === 'string') return quoted(value)
  try {
    return JSON.stringify(value, plainJson) ?? String(value)
  } catch (error) {
    return `(${errorInfo(error).message})`
  }
}

const isErrorInfo = (value: unknown): value is { readonly name: string; readonly message: string } =>
  typeof value === 'object' && value !== null && 'name' in value && 'message' in value

const quoted = (text: string): string => (/^[\w./:@-]+$/.test(text) ? text : JSON.stringify(text))

const plainJson = (_name: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof MillraceError || value instanceof Error) return errorInfo(value)
  return value
}
