/** `millrace dlq list`: letters, or how many there are of each kind. */
import { InvalidArgumentError, Option } from 'commander'
import { GROUPINGS, type Grouping, type LetterFilter, type LetterSummary } from '../../../dlq/store.ts'
import { type ConfigChoice, withConfig } from '../config-option.ts'
import type { HostedApp, Run } from '../host.ts'
import { usage } from '../input.ts'
import type { AddCommand } from '../program.ts'
import { progressOn } from '../progress.ts'
import { type FilterChoice, filterOf, withFilter } from './filter-options.ts'
import { groupsText, lettersText } from './letter-text.ts'
import { withLetters } from './with-letters.ts'

interface ListChoice extends ConfigChoice, FilterChoice {
  readonly groupBy?: Grouping
  readonly limit: number
  readonly after?: string
  readonly json?: true
}

const LISTED = 50

export const addList: AddCommand = (dlq, run, exit) => {
  withFilter(withConfig(dlq.command('list').description('list dead letters, the last parked first')))
    .addOption(new Option('-g, --group-by <what>', 'count them instead').choices(GROUPINGS))
    .option('-n, --limit <number>', 'at most this many', wholeNumber, LISTED)
    .option('--after <id>', 'go on after this one; with --group-by: leave out so many groups')
    .option('--json', 'as JSON')
    .action(async (choice: ListChoice) => exit(await list(choice, run)))
}

const list = (choice: ListChoice, run: Run): Promise<0> =>
  withLetters(choice, run, async app => {
    const filter = filterOf(choice, run.host.clock.now())
    await (choice.groupBy === undefined ? listLetters(app, filter, choice, run) : listGroups(app, filter, choice, run))
    return 0 as const
  })

const listLetters = async (app: HostedApp, filter: LetterFilter, choice: ListChoice, run: Run): Promise<void> => {
  const { stdout } = run.terminal
  const { letters, next } = await search(app, filter, choice, run)
  const text = choice.json ? JSON.stringify(letters, undefined, 2) : lettersText(letters, run.host.clock.now())
  stdout.write(`${text}\n`)
  if (next !== undefined && !choice.json) stdout.write(`there are more: --after ${next}\n`)
}

/** A page of the store may end before it is full: pages are asked for until one of ours is, or nothing is left. */
const search = async (
  app: HostedApp,
  filter: LetterFilter,
  { limit, after }: ListChoice,
  { terminal }: Run,
): Promise<{ readonly letters: readonly LetterSummary[]; readonly next: string | undefined }> => {
  const letters: LetterSummary[] = []
  const progress = progressOn(terminal.stderr)
  let before = after
  for (;;) {
    const asked = { ...filter, limit: limit + 1 - letters.length, ...(before === undefined ? {} : { before }) }
    const page = await app.deadLetters.page(asked)
    letters.push(...page.letters)
    if (letters.length > limit) return { letters: letters.slice(0, limit), next: letters[limit - 1]?.id }
    if (page.next === undefined) {
      progress.clear()
      return { letters, next: undefined }
    }
    before = page.next
    progress.show(`searching: ${letters.length} found`)
  }
}

const listGroups = async (app: HostedApp, filter: LetterFilter, choice: ListChoice, run: Run): Promise<void> => {
  const { key, reason, headers, fields, ...counted } = filter
  if (key !== undefined || reason !== undefined || headers || fields)
    throw usage('--group-by counts without looking at each letter: it goes without --key, --why, --header and --field')
  const offset = choice.after === undefined ? 0 : Number(choice.after)
  if (!Number.isInteger(offset) || offset < 0) throw usage('--after must be a number of groups with --group-by')
  const by = choice.groupBy ?? 'error'
  const groups = await app.deadLetters.groups({ ...counted, by, limit: choice.limit + 1, offset })
  const shown = groups.slice(0, choice.limit)
  const { stdout } = run.terminal
  stdout.write(`${choice.json ? JSON.stringify(shown, undefined, 2) : groupsText(by, shown, run.host.clock.now())}\n`)
  if (groups.length > shown.length && !choice.json) stdout.write(`there are more: --after ${offset + shown.length}\n`)
}

const wholeNumber = (text: string): number => {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('It must be a whole number from 1.')
  return number
}
