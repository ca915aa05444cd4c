/** `millrace cron next`: when a schedule is due. */

import { type ScheduleOptions, scheduleOf } from '../../connectors/cron/schedule.ts'
import { describe, nextRuns } from '../../connectors/cron/words.ts'
import type { AnyChannel } from '../config/channel.ts'
import { configError, validateConfig } from '../config/validate.ts'
import { type ConfigChoice, loadChosen, withConfig } from './config-option.ts'
import type { Run } from './host.ts'
import { usage } from './input.ts'
import type { AddCommand } from './program.ts'
import { printable, table } from './text.ts'

interface NextChoice extends ConfigChoice {
  readonly count: string
  readonly json?: true
}

export const addCron: AddCommand = (program, run, exit) => {
  const cron = program.command('cron').description('schedules of the configuration')
  withConfig(cron.command('next').description('say when a schedule is due, and the next runs'))
    .argument('<name>', 'the name of the schedule')
    .option('-n, --count <number>', 'how many runs, 1 to 1000', '5')
    .option('--json', 'as JSON')
    .action(async (name: string, choice: NextChoice) => exit(await next(name, choice, run)))
}

const next = async (name: string, choice: NextChoice, run: Run): Promise<0> => {
  const count = Number(choice.count)
  if (!Number.isInteger(count) || count < 1 || count > 1_000)
    throw usage(`--count must be between 1 and 1000, got ${printable(choice.count)}`)
  const { file, config, folder } = await loadChosen(choice, run)
  const validation = validateConfig(config, { folder })
  if (!validation.ok) throw configError(validation.problems, file)
  const schedule = scheduleOf(optionsOf(name, [...validation.config.channels.values()]))
  const runs = nextRuns(schedule, run.host.clock.now(), count)
  const words = describe(schedule)
  const rows = runs.map(({ weekday, local, slot, note = '' }) => [weekday, local, slot, note])
  const text = choice.json
    ? JSON.stringify({ schedule: name, words, runs }, undefined, 2)
    : [printable(`${name}: ${words}`), ...table(rows)].join('\n')
  run.terminal.stdout.write(`${text}\n`)
  return 0
}

const optionsOf = (name: string, channels: readonly AnyChannel[]): ScheduleOptions => {
  const schedules = channels.filter(({ connection }) => connection.kind === 'cron')
  const found = schedules.find(channel => channel.name === name || channel.address === name)
  if (found) return found.options as unknown as ScheduleOptions
  const known = schedules.map(channel => printable(channel.name)).join(', ')
  throw usage(`there is no schedule ${JSON.stringify(name)}; ${known ? `there are: ${known}` : 'there is none'}`)
}
