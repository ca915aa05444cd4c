/** The options of a schedule as what computes its slots, and everything that can be wrong with them together. */
import type { Overlap } from '../../core/slots.ts'
import type { Missed } from './due.ts'
import { parseExpression } from './expression.ts'
import { nextSlot, type Schedule } from './slots.ts'

/** As they were checked one by one. */
export interface ScheduleOptions {
  readonly at: string | undefined
  /** Milliseconds. */
  readonly every: number | undefined
  readonly zone: string
  readonly missed: Missed
  readonly overlap: Overlap
  /** Milliseconds. */
  readonly jitter: number
  readonly maxWaiting: number
}

export interface Problem {
  readonly path: string
  /** What follows the path in a message. */
  readonly message: string
}

/** What is wrong with options that are right one by one. */
export const scheduleProblems = (options: ScheduleOptions, path: string): readonly Problem[] => {
  const read = readSchedule(options)
  return [
    ...('problem' in read ? [{ path: read.option ? `${path}.${read.option}` : path, message: read.problem }] : []),
    ...(typeof options.missed === 'object' && options.overlap === 'skip'
      ? [
          {
            path: `${path}.missed`,
            message: "must be 'none' or 'latest' with overlap 'skip', which runs one at a time",
          },
        ]
      : []),
  ]
}

/** The schedule of options that have no problems. Throws where they have. */
export const scheduleOf = (options: ScheduleOptions): Schedule => {
  const read = readSchedule(options)
  if ('problem' in read) throw new Error(read.problem)
  return read
}

interface Wrong {
  readonly option?: 'at' | 'every'
  readonly problem: string
}

const readSchedule = ({ at, every, zone }: ScheduleOptions): Schedule | Wrong => {
  if (at !== undefined && every !== undefined) return { problem: 'must have either at or every, got both' }
  if (every !== undefined)
    return every % 1_000 === 0
      ? { kind: 'every', everyMs: every, zone }
      : { option: 'every', problem: `must be whole seconds, got ${every}ms` }
  if (at === undefined) return { problem: "must have at, like '0 2 * * *', or every, like '5m'" }
  const fields = parseExpression(at)
  if ('problem' in fields)
    return {
      option: 'at',
      problem: `must be a cron expression of five or six fields, like '0 2 * * *', got '${at}': ${fields.problem}`,
    }
  const schedule: Schedule = { kind: 'at', expression: at, fields, zone }
  return nextSlot({ ...schedule, zone: 'UTC' }, 0) === undefined
    ? { option: 'at', problem: `must name days that come, got '${at}', which never does` }
    : schedule
}
