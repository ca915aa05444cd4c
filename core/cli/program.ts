/** The whole command line: what there is, what is asked for, and how it ended. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { errorInfo, MillraceError } from '../errors.ts'
import { addCron } from './cron.ts'
import { addDeploy } from './deploy.ts'
import { addDev } from './dev.ts'
import { addDeadLetters } from './dlq/dlq.ts'
import { addFilter } from './filter.ts'
import type { ExitCode, Run } from './host.ts'
import { addIdempotency } from './idempotency.ts'
import { addInvoke } from './invoke.ts'
import { addOutbox } from './outbox.ts'
import { addResume } from './resume.ts'
import { addSend } from './send.ts'
import { addStart } from './start.ts'
import { addStatus } from './status.ts'
import { printableLines } from './text.ts'

/** A command adds itself to `program`, and tells with `exit` how it ended. */
export type AddCommand = (program: Command, run: Run, exit: (code: ExitCode) => void) => void

const COMMANDS: readonly AddCommand[] = [
  addDev,
  addStart,
  addDeploy,
  addSend,
  addInvoke,
  addStatus,
  addDeadLetters,
  addResume,
  addIdempotency,
  addFilter,
  addCron,
  addOutbox,
]

/** Runs one command line, without `node` and the script. Never rejects: errors are said on stderr. */
export const runCommand = async (args: readonly string[], run: Run): Promise<ExitCode> => {
  let code: ExitCode = 0
  const program = createProgram(run, ended => {
    code = ended
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return HELP_CODES.has(error.code) ? 0 : 2
    run.terminal.stderr.write(`${errorText(error)}\n`)
    return error instanceof MillraceError && error.code === 'CLI_USAGE' ? 2 : 1
  }
}

const HELP_CODES: ReadonlySet<string> = new Set(['commander.helpDisplayed', 'commander.version'])

/** The parser with every command; for help texts too. */
export const createProgram = (run: Run, exit: (code: ExitCode) => void): Command => {
  const { stdout, stderr } = run.terminal
  const program = new Command('millrace')
    .description(
      'Runs the mappings of millrace.config.ts: reads records in batches, invokes functions, retries, parks.',
    )
    .version(ownVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      writeOut: text => void stdout.write(text),
      writeErr: text => void stderr.write(text),
      getOutHelpWidth: () => stdout.columns ?? 80,
      getErrHelpWidth: () => stderr.columns ?? 80,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
  for (const add of COMMANDS) add(program, run, exit)
  return program.addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 the command line was not understood.')
}

/** Ours are sentences for people; anything else is a defect, and its stack says where. */
const errorText = (error: unknown): string => {
  if (error instanceof MillraceError) return `millrace: ${printableLines(error.message)} (${error.code})`
  const { stack, message } = errorInfo(error)
  return `millrace: ${printableLines(stack ?? message)}`
}

/** package.json lies two folders above the source, and one above what is published. */
const ownVersion = (): string => {
  const path = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}
