/** What a schedule may be, and what is said of one that may not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CronOptions, cron } from '../../../connectors/cron/channel.ts'
import { type ScheduleOptions, scheduleOf } from '../../../connectors/cron/schedule.ts'
import { describe } from '../../../connectors/cron/words.ts'
import { validateConfig } from '../../../core/config/validate.ts'
import { complete } from './opened.ts'

const problems = (options: object): readonly string[] => {
  const source = cron('nightly', options as CronOptions)
  const result = validateConfig({
    name: 'app',
    functions: {},
    mappings: { report: { source, function: () => undefined } },
  })
  return result.ok ? [] : result.problems.map(({ path, message }) => `${path} ${message}`)
}

for (const [options, expected] of [
  [{ at: '0 2 * * *', zone: 'Europe/Berlin', missed: 'latest', overlap: 'skip' }, /^$/],
  [{ every: '5m', missed: { all: 3 }, overlap: 'queue' }, /^$/],
  [
    { at: '* * * * * * *' },
    /^channels\.cron\/nightly\.at must be a cron expression .* expected 5 or 6 fields but got 7$/,
  ],
  [{ at: '0 0 30 2 *' }, /^channels\.cron\/nightly\.at must be .*30 2 is an impossible day of month/],
  [{ at: '0 0 29 2 1#1' }, /nightly\.at must name days that come, got '0 0 29 2 1#1', which never does$/],
  [{ at: '0 24 * * *' }, /nightly\.at must be .*24 is a invalid expression for hour/],
  [{ at: 'tomorrow' }, /nightly\.at must be a cron expression/],
  [{ at: '' }, /nightly\.at must be a cron expression, like '0 2 \* \* \*', got ''/],
  [{ at: '0 0 LW * *' }, /nightly\.at must be .*the day LW is not supported/],
  [{ at: '0 2 * * *', zone: 'Europe/Atlantis' }, /nightly\.zone must be a time zone, .* got 'Europe\/Atlantis'/],
  [{ at: '0 2 * * *', every: '5m' }, /^channels\.cron\/nightly must have either at or every, got both$/],
  [{}, /^channels\.cron\/nightly must have at, like '0 2 \* \* \*', or every, like '5m'$/],
  [{ every: '1500ms' }, /nightly\.every must be whole seconds, got 1500ms/],
  [{ every: '10ms' }, /nightly\.every must be a duration between 1s and 365d/],
  [{ every: '5m', missed: 'all' }, /nightly\.missed must be 'none', 'latest' or \{ all: 1 to 10000 \}/],
  [{ every: '5m', missed: { all: 0 } }, /nightly\.missed must be/],
  [
    { every: '5m', missed: { all: 2 }, overlap: 'skip' },
    /nightly\.missed must be 'none' or 'latest' with overlap 'skip'/,
  ],
  [{ every: '5m', overlap: 'forbid' }, /nightly\.overlap must be one of 'allow', 'queue', 'skip'/],
  [{ every: '5m', jiter: '5s' }, /nightly\.jiter is not an option; did you mean jitter/],
] as const)
  test(`${JSON.stringify(options)} is ${String(expected) === '/^$/' ? 'right' : 'a problem'}`, () => {
    assert.match(problems(options).join('\n'), expected)
  })

test('what is right one by one and wrong together does not hide what else is wrong', () => {
  assert.equal(problems({ zone: 'nowhere', missed: 'never' }).length, 2)
})

test('a schedule that names neither or both does not type-check', () => {
  // @ts-expect-error neither at nor every
  cron('none', {})
  // @ts-expect-error both
  cron('both', { at: '0 2 * * *', every: '5m' })
})

for (const [options, words] of [
  [{ at: '0 2 * * *', zone: 'Europe/Berlin' }, 'every day at 02:00 in Europe/Berlin'],
  [{ at: '*/5 * * * *' }, 'every 5 minutes in UTC'],
  [{ at: '* * * * *' }, 'every minute in UTC'],
  [{ at: '* * * * * *' }, 'at second 0-59 of minute 0-59 in UTC'],
  [{ at: '30 * * * *' }, 'at minute 30 of every hour in UTC'],
  [
    { at: '*/15 9-17 * * mon-fri' },
    'on Monday, Tuesday, Wednesday, Thursday and Friday every 15 minutes of hour 9-17 in UTC',
  ],
  [{ at: '0 8,20 1,15 jan,feb *' }, 'on the 1st and the 15th in January and February at 08:00 and 20:00 in UTC'],
  [{ at: '0 0 L * *' }, 'on the last day of the month at 00:00 in UTC'],
  [{ at: '0 0 13 * fri' }, 'on Friday that is also on the 13th at 00:00 in UTC'],
  [{ at: '0 0 * * 5#2' }, 'on the 2nd Friday of the month at 00:00 in UTC'],
  [{ every: '90s' }, 'every 90s'],
] as const)
  test(`${JSON.stringify(options)} in words: ${words}`, () => {
    assert.equal(describe(scheduleOf(complete(cron('x', options)).options as unknown as ScheduleOptions)), words)
  })
