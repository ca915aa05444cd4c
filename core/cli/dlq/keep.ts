/** `millrace dlq note`, `archive`, `restore` and `purge`. */
import type { Command } from 'commander'
import type { Changed } from '../../../dlq/store.ts'
import type { LetterSelection } from '../../letters-contract.ts'
import { type ConfigChoice, withConfig } from '../config-option.ts'
import type { ExitCode, HostedApp, Run } from '../host.ts'
import { usage } from '../input.ts'
import type { AddCommand } from '../program.ts'
import { count, printable } from '../text.ts'
import { type FilterChoice, filterOf, withFilter } from './filter-options.ts'
import { type WhomChoice, whomOf, withLetters, withWhom } from './with-letters.ts'

interface KeepChoice extends ConfigChoice, FilterChoice, WhomChoice {
  readonly all?: true
  readonly json?: true
}

type Keep = 'archive' | 'restore' | 'purge'

const DONE: Readonly<Record<Keep, string>> = { archive: 'archived', restore: 'restored', purge: 'removed' }

export const addKeep: AddCommand = (dlq, run, exit) => {
  withWhom(withConfig(dlq.command('note').description('write something to a dead letter, for who looks at it next')))
    .argument('<id>', 'as in dlq list')
    .argument('[text]', 'the note; without it the note is removed')
    .action(async (id: string, text: string | undefined, choice: ConfigChoice & WhomChoice) =>
      exit(await note(id, text ?? '', choice, run)),
    )
  add(dlq, 'archive', 'take dead letters out of the lists; they are removed a month later', run, exit)
  add(dlq, 'restore', 'open archived dead letters again, or quarantined ones that are named', run, exit)
  add(dlq, 'purge', 'remove dead letters for good', run, exit)
}

const add = (dlq: Command, keep: Keep, description: string, run: Run, exit: (code: ExitCode) => void): void => {
  withWhom(withSelection(withConfig(dlq.command(keep).description(description))))
    .option('--json', 'what was done, as JSON')
    .action(async (ids: readonly string[], choice: KeepChoice) => exit(await change(keep, ids, choice, run)))
}

/** Ids, or all that a filter matches; never all by mistake. */
export const withSelection = (command: Command): Command =>
  withFilter(command.argument('[ids...]', 'as in dlq list').option('-a, --all', 'all that the filter matches'))

export const selectionOf = (
  ids: readonly string[],
  choice: FilterChoice & { readonly all?: true },
  now: number,
): LetterSelection => {
  const filter = filterOf(choice, now)
  const filtered = Object.keys(filter)
  if (ids.length > 0 && choice.all) throw usage('give either ids or --all')
  if (ids.length > 0 && filtered.length > 0) throw usage('a filter goes with --all, not with ids')
  if (ids.length === 0 && !choice.all)
    throw usage(filtered.length > 0 ? 'a filter goes with --all' : 'name the ids of dead letters, or --all')
  return ids.length > 0 ? { ids } : { all: true, ...filter }
}

const change = async (keep: Keep, ids: readonly string[], choice: KeepChoice, run: Run): Promise<ExitCode> => {
  const selection = selectionOf(ids, choice, run.host.clock.now())
  return withLetters(choice, run, async app => {
    const changed = await apply(app, keep, selection, choice, run)
    const lines = [
      `${count(changed.changed, 'dead letter')} ${DONE[keep]}`,
      ...changed.refused.map(({ id, reason }) => printable(`${id} is not ${DONE[keep]}: ${reason}`)),
    ]
    run.terminal.stdout.write(`${choice.json ? JSON.stringify(changed) : lines.join('\n')}\n`)
    return changed.refused.length > 0 ? 1 : 0
  })
}

const apply = (
  { deadLetters }: HostedApp,
  keep: Keep,
  selection: LetterSelection,
  choice: KeepChoice,
  run: Run,
): Promise<Changed> => deadLetters[keep](selection, whomOf(choice, run))

const note = (id: string, text: string, choice: ConfigChoice & WhomChoice, run: Run): Promise<0> =>
  withLetters(choice, run, async app => {
    await app.deadLetters.note(id, text, whomOf(choice, run))
    run.terminal.stdout.write(text === '' ? 'note removed\n' : 'noted\n')
    return 0 as const
  })
