/** `millrace dlq show`: everything that is known of a letter. */
import { type ConfigChoice, withConfig } from '../config-option.ts'
import type { Run } from '../host.ts'
import type { AddCommand } from '../program.ts'
import { letterJson, letterText, type Shown } from './letter-text.ts'
import { withLetters } from './with-letters.ts'

interface ShowChoice extends ConfigChoice {
  readonly hex?: true
  readonly full?: true
  readonly json?: true
}

export const addShow: AddCommand = (dlq, run, exit) => {
  withConfig(dlq.command('show').description('show all that is known of a dead letter'))
    .argument('<id>', 'as in dlq list')
    .option('--hex', 'the body as bytes')
    .option('--full', 'every attempt in full; by default what differs from the one before')
    .option('--json', 'as JSON, with the whole body')
    .action(async (id: string, choice: ShowChoice) => exit(await show(id, choice, run)))
}

const show = (id: string, choice: ShowChoice, run: Run): Promise<0> =>
  withLetters(choice, run, async app => {
    const stored = await app.deadLetters.show(id)
    const audit = await app.deadLetters.audit(stored.summary.id)
    const how: Shown = { body: choice.hex ? 'hex' : 'text', attempts: choice.full ? 'full' : 'differences' }
    run.terminal.stdout.write(`${choice.json ? letterJson(stored) : letterText(stored, audit, how)}\n`)
    return 0 as const
  })
