/** `millrace invoke`: calls one function with one event, and shows what it answered, logged and used. */
import { resolve } from 'node:path'
import { endLines } from '../engine/report-lines.ts'
import type { InvokeAnswer } from '../invoke/direct.ts'
import { silentLog } from '../log.ts'
import { type ConfigChoice, loadChosen, withConfig } from './config-option.ts'
import type { Run } from './host.ts'
import { readAll, readBody, usage } from './input.ts'
import type { AddCommand } from './program.ts'
import { bytes } from './records.ts'
import { printable, printableLines } from './text.ts'

interface InvokeChoice extends ConfigChoice {
  readonly event?: string
  readonly json?: true
  readonly canary?: true
}

export const addInvoke: AddCommand = (program, run, exit) => {
  withConfig(program.command('invoke').description('call a function with an event and show what came of it'))
    .argument('<function>', 'the name of a function of the configuration')
    .argument('[event]', 'the event, as JSON; by default {}')
    .option('-e, --event <file>', 'the event is what the file has; - for stdin')
    .option('--canary', 'the version of its option canary, not the other')
    .option('--json', 'everything as JSON: what came of it, and its report')
    .addHelpText(
      'after',
      `
The answer goes to stdout, what the function logged and its report to stderr. Exit code 1 when it did not answer.
It runs in an environment of this command, whether or not the app runs.
Examples:
  millrace invoke quote '{"sku":"a-1"}'
  millrace invoke quote --event event.json`,
    )
    .action(async (name: string, event: string | undefined, choice: InvokeChoice) =>
      exit(await invoke(name, event, choice, run)),
    )
}

const invoke = async (name: string, event: string | undefined, choice: InvokeChoice, run: Run): Promise<0 | 1> => {
  const payload = await eventOf(event, choice, run)
  const { file, config } = await loadChosen(choice, run)
  const app = await run.host.createApp(config, { configFile: file, log: silentLog })
  const requestId = crypto.randomUUID()
  try {
    const answer = await app.invoke(name, payload, {
      requestId,
      ...(choice.canary ? { variant: 'canary' as const } : {}),
    })
    show(requestId, answer, choice, run)
    return answer.kind === 'answered' ? 0 : 1
  } finally {
    await app.stop()
  }
}

const eventOf = async (event: string | undefined, choice: InvokeChoice, { terminal }: Run): Promise<Uint8Array> => {
  if (event !== undefined && choice.event !== undefined) throw usage('give the event itself or --event, not both')
  if (event !== undefined) return bytes(event)
  if (choice.event === '-') return readAll(terminal.stdin)
  return choice.event === undefined ? bytes('{}') : readBody(resolve(terminal.cwd, choice.event))
}

const show = (requestId: string, answer: InvokeAnswer, { json }: InvokeChoice, { terminal }: Run): void => {
  const { stdout, stderr } = terminal
  if (json) {
    stdout.write(`${JSON.stringify({ requestId, ...answer }, undefined, 2)}\n`)
    return
  }
  if ('report' in answer) {
    for (const line of answer.report.logs) stderr.write(`${printable(line)}\n`)
    for (const line of endLines(requestId, answer.report).slice(1)) stderr.write(`${line}\n`)
  }
  if (answer.kind === 'answered') stdout.write(`${JSON.stringify(answer.value, undefined, 2)}\n`)
  else stderr.write(`${printableLines(problemOf(answer))}\n`)
}

const problemOf = (answer: Exclude<InvokeAnswer, { kind: 'answered' }>): string => {
  if (answer.kind === 'throttled') return answer.throttled.message
  if (answer.kind === 'aborted') return 'the function was stopped before it answered'
  return answer.error.stack ?? `${answer.error.name}: ${answer.error.message}`
}
