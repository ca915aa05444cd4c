/** Schedules: channels whose records are the times at which something is due. */
import type { Channel, ConnectionValue } from '../../core/config/channel.ts'
import { channelValue } from '../../core/config/channel-value.ts'
import type { Duration } from '../../core/config/duration.ts'
import { choice, duration, option, type Written, whole } from '../../core/config/option.ts'
import type { Missed } from './due.ts'
import { type ScheduleOptions, scheduleProblems } from './schedule.ts'
import { isZone } from './zone.ts'

const MOST_MISSED = 10_000

/** The options of schedules. */
export const cronOptions = {
  connection: {},
  channels: {
    schedule: {
      at: option<string, string | undefined>({
        doc: 'When it is due: minute, hour, day of month, month, day of week, with a second before them where there are six.',
        takes: 'a cron expression',
        expected: "a cron expression, like '0 2 * * *'",
        default: undefined,
        defaultText: '`at` or `every` is required',
        read: value => (typeof value === 'string' && value.trim() !== '' ? value : undefined),
      }),
      every: duration({
        min: '1s',
        max: '365d',
        doc: 'The time between two slots, counted from 1970-01-01T00:00Z; whole seconds. Instead of `at`.',
        otherwise: '`at` or `every` is required',
      }),
      zone: option<string, string>({
        doc: 'The time zone whose clock `at` means.',
        takes: 'a name of the IANA time zone database',
        expected: "a time zone, like 'Europe/Berlin' or 'UTC'",
        default: 'UTC',
        defaultText: 'UTC',
        read: value => (typeof value === 'string' && value !== '' && isZone(value) ? value : undefined),
      }),
      missed: option<Missed, Missed>({
        doc: 'What becomes of slots that came due more than a minute before any process looked: none of them is run, the latest of all that are due, or the latest so many.',
        takes: `\`none\`, \`latest\`, \`{ all: 1 to ${MOST_MISSED} }\``,
        expected: `'none', 'latest' or { all: 1 to ${MOST_MISSED} }`,
        default: 'latest',
        defaultText: 'latest',
        read: value => (value === 'none' || value === 'latest' || isAll(value) ? value : undefined),
      }),
      overlap: choice({
        of: ['allow', 'queue', 'skip'],
        default: 'allow',
        doc: 'What becomes of a slot while an earlier one is not finished, retries included: both run, it waits, or it is left out.',
      }),
      maxWaiting: whole({
        min: 1,
        max: 100_000,
        default: 1_000,
        doc: 'So many slots may be unfinished at once; those that come due then are left out, and the log says so.',
      }),
      jitter: duration({
        min: '0s',
        max: '1h',
        default: '0s',
        doc: 'Each slot is run up to so much later, by chance, so that not all the world begins at the full hour. Its id and time stay the same.',
      }),
    },
  },
  together: { schedule: (options: unknown, path: string) => scheduleProblems(options as ScheduleOptions, path) },
}

const isAll = (value: unknown): value is { readonly all: number } => {
  if (typeof value !== 'object' || value === null || Object.keys(value).join() !== 'all') return false
  const { all } = value as { readonly all: unknown }
  return typeof all === 'number' && Number.isInteger(all) && all >= 1 && all <= MOST_MISSED
}

/** What a function receives as `data`. */
export interface CronTick {
  readonly schedule: string
  /** The time at which it was due, ISO 8601, UTC. */
  readonly slot: string
  /** The same by the clock of the zone: `2026-03-29T03:00:00+02:00`. */
  readonly local: string
  readonly zone: string
}

type Specs = Written<typeof cronOptions.channels.schedule>
type Common = Omit<Specs, 'at' | 'every'>

/** Either `at` or `every`. */
export type CronOptions =
  | (Common & { readonly at: string; readonly every?: never })
  | (Common & { readonly every: Duration; readonly at?: never })

/**
 * A schedule under a name. Every mapping that reads it gets every slot, however many processes share the state folder;
 * nothing can be sent to it.
 */
export const cron = (name: string, options: CronOptions): Channel<CronTick> =>
  channelValue(
    CONNECTION,
    name,
    { ...options },
    { type: 'schedule', ordered: false, positioned: true },
  ) as Channel<CronTick>

const CONNECTION: ConnectionValue<'cron'> = { kind: 'cron', name: 'cron', options: {}, declares: cronOptions }
