/** `millrace filter test`: whether an event matches a pattern, and why. */
import { resolve } from 'node:path'
import { errorInfo } from '../errors.ts'
import { compileFilter } from '../filter/filter.ts'
import type { Run } from './host.ts'
import { readBody, usage } from './input.ts'
import type { AddCommand } from './program.ts'
import { printable } from './text.ts'

interface FilterChoice {
  readonly pattern: string
  readonly event: string
  readonly json?: true
}

export const addFilter: AddCommand = (program, run, exit) => {
  const filter = program.command('filter').description('try out the patterns of mappings')
  filter
    .command('test')
    .description('say whether an event matches a pattern, and why')
    .requiredOption('-p, --pattern <file>', 'the pattern, as JSON')
    .requiredOption(
      '-e, --event <file>',
      'the event, as JSON: {"data": …, "key": …, "headers": {"name": […]}, "position": {…}}',
    )
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExit code 0 when it matches, 1 when it does not, 2 when the pattern is wrong.')
    .action(async (choice: FilterChoice) => exit(await testFilter(choice, run)))
}

const testFilter = async (choice: FilterChoice, run: Run): Promise<0 | 1 | 2> => {
  const { stdout, stderr } = run.terminal
  const [pattern, event] = await Promise.all([readJson(choice.pattern, run), readJson(choice.event, run)])
  const filter = compiled(pattern)
  if ('problem' in filter) {
    stderr.write(`${printable(filter.problem)}\n`)
    return 2
  }
  const explanation = filter.explain(event)
  const text = [explanation.matches ? 'matches' : 'does not match', ...explanation.lines].map(printable).join('\n')
  stdout.write(`${choice.json ? JSON.stringify(explanation, undefined, 2) : text}\n`)
  return explanation.matches ? 0 : 1
}

const compiled = (pattern: unknown) => {
  try {
    return compileFilter(pattern)
  } catch (error) {
    return { problem: errorInfo(error).message }
  }
}

const readJson = async (file: string, { terminal }: Run): Promise<unknown> => {
  const text = Buffer.from(await readBody(resolve(terminal.cwd, file))).toString('utf8')
  try {
    return JSON.parse(text)
  } catch (error) {
    throw usage(`${file} must be JSON: ${errorInfo(error).message}`)
  }
}
