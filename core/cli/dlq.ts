/** `millrace dlq`: looking at dead letters, and having them run again. */
import { InvalidArgumentError, Option } from 'commander'
import type { LetterState, ListFilter } from '../../dlq/store.ts'
import { silentLog } from '../log.ts'
import { type ConfigChoice, loadState, withConfig } from './config-option.ts'
import type { HostedApp, Run } from './host.ts'
import { letterJson, lettersText, letterText } from './letter-text.ts'
import type { AddCommand } from './program.ts'
import { addReplay } from './replay.ts'

interface ListChoice extends ConfigChoice {
  readonly mapping?: string
  readonly state?: LetterState
  readonly limit: number
  readonly json?: true
}

const LISTED = 50

export const addDeadLetters: AddCommand = (program, run, exit) => {
  const dlq = program.command('dlq').description('look at dead letters and replay them')
  withConfig(dlq.command('list').description('list dead letters, the last parked first'))
    .option('-m, --mapping <name>', 'only those of this mapping')
    .addOption(
      new Option('-s, --state <state>', 'only those in this state; by default all but resolved').choices([
        'open',
        'requested',
        'replaying',
        'resolved',
      ]),
    )
    .option('-n, --limit <number>', 'at most this many', wholeNumber, LISTED)
    .option('--json', 'as JSON')
    .action(async (choice: ListChoice) => exit(await list(choice, run)))
  withConfig(dlq.command('show').description('show all that is known of a dead letter'))
    .argument('<id>', 'as in dlq list')
    .option('--json', 'as JSON, with the whole body')
    .action(async (id: string, choice: ConfigChoice & { readonly json?: true }) => exit(await show(id, choice, run)))
  addReplay(dlq, run, exit)
}

const list = (choice: ListChoice, run: Run): Promise<0> =>
  withApp(choice, run, async app => {
    const filter: Partial<ListFilter> = {
      limit: choice.limit + 1,
      ...(choice.mapping === undefined ? {} : { mapping: choice.mapping }),
      ...(choice.state === undefined ? {} : { state: choice.state }),
    }
    const found = await app.deadLetters.list(filter)
    const letters = found.slice(0, choice.limit)
    const { stdout } = run.terminal
    stdout.write(
      `${choice.json ? JSON.stringify(letters, undefined, 2) : lettersText(letters, run.host.clock.now())}\n`,
    )
    if (found.length > letters.length && !choice.json) stdout.write(`there are more; --limit shows them\n`)
    return 0 as const
  })

const show = (id: string, choice: ConfigChoice & { readonly json?: true }, run: Run): Promise<0> =>
  withApp(choice, run, async app => {
    const stored = await app.deadLetters.show(id)
    run.terminal.stdout.write(`${choice.json ? letterJson(stored) : letterText(stored)}\n`)
    return 0 as const
  })

/** An app that is not started: its store can be asked, whether another process runs it or not. */
const withApp = async <Result>(
  choice: ConfigChoice,
  run: Run,
  use: (app: HostedApp) => Promise<Result>,
): Promise<Result> => {
  const { file, config } = await loadState(choice, run)
  const app = await run.host.createApp(config, { configFile: file, log: silentLog })
  try {
    return await use(app)
  } finally {
    await app.stop()
  }
}

const wholeNumber = (text: string): number => {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('It must be a whole number from 1.')
  return number
}
