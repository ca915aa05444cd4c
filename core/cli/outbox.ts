/** `millrace outbox`: the statements that make the table of an outbox. */
import { outboxDdl, outboxTable } from '../../connectors/postgres/table.ts'
import { configError, validateConfig } from '../config/validate.ts'
import { type ConfigChoice, loadChosen, withConfig } from './config-option.ts'
import type { Run } from './host.ts'
import { usage } from './input.ts'
import type { AddCommand } from './program.ts'
import { printable } from './text.ts'

export const addOutbox: AddCommand = (program, run, exit) => {
  withConfig(program.command('outbox').description('print the statements that make the table of an outbox'))
    .argument('<channel>', 'its name, or connection/name')
    .action(async (name: string, choice: ConfigChoice) => exit(await print(name, choice, run)))
}

const print = async (name: string, choice: ConfigChoice, run: Run): Promise<0> => {
  const { file, config, folder } = await loadChosen(choice, run)
  const validation = validateConfig(config, { folder })
  if (!validation.ok) throw configError(validation.problems, file)
  const outboxes = [...validation.config.channels.values()].filter(({ type }) => type === 'outbox')
  const found = outboxes.find(channel => channel.address === name || channel.name === name)
  if (!found) {
    const known = outboxes.map(({ address }) => printable(address)).join(', ')
    throw usage(`there is no outbox ${JSON.stringify(name)}; ${known ? `there are: ${known}` : 'there is none'}`)
  }
  run.terminal.stdout.write(outboxDdl(outboxTable(found.name)))
  return 0
}
