/** `millrace resume`: lanes and keys that stopped behind a dead letter go on. */
import { MillraceError } from '../errors.ts'
import { silentLog } from '../log.ts'
import { type ConfigChoice, loadState, withConfig } from './config-option.ts'
import type { Run } from './host.ts'
import type { AddCommand } from './program.ts'
import { count, printable } from './text.ts'

export const addResume: AddCommand = (program, run, exit) => {
  withConfig(
    program
      .command('resume')
      .description("have lanes and keys that stopped behind a dead letter (onDeadLetter: 'stop') go on"),
  )
    .argument('<mapping>', 'as in status')
    .addHelpText(
      'after',
      '\nApps that run notice within a second. Replaying the dead letter with success does the same.',
    )
    .action(async (mapping: string, choice: ConfigChoice) => exit(await resume(mapping, choice, run)))
}

const resume = async (mapping: string, choice: ConfigChoice, run: Run): Promise<0> => {
  const { file, config } = await loadState(choice, run)
  const app = await run.host.createApp(config, { configFile: file, log: silentLog })
  try {
    checkName(mapping, config)
    const resumed = await app.deadLetters.goOn(mapping)
    const said = resumed === 0 ? 'nothing of it has stopped' : `it goes on, ${count(resumed, 'stop')} lifted`
    run.terminal.stdout.write(`${printable(mapping)}: ${said}\n`)
    return 0
  } finally {
    await app.stop()
  }
}

/** Without a configuration any name may be one. */
const checkName = (name: string, config: unknown): void => {
  const known = Object.keys((config as { readonly mappings?: object }).mappings ?? {})
  if (known.length === 0 || known.includes(name)) return
  throw new MillraceError(
    'CLI_USAGE',
    `there is no mapping ${JSON.stringify(name)}; there are: ${known.map(printable).join(', ')}`,
  )
}
