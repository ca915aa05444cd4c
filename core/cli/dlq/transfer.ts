/** `millrace dlq export` and `import`: dead letters as lines of JSON, out and in again. */
import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { exportLetter, importLetter } from '../../../dlq/exported.ts'
import { errorInfo } from '../../errors.ts'
import { type ConfigChoice, withConfig } from '../config-option.ts'
import type { ExitCode, HostedApp, Run } from '../host.ts'
import { lines, usage } from '../input.ts'
import type { AddCommand } from '../program.ts'
import { count, printable } from '../text.ts'
import { type FilterChoice, filterOf, withFilter } from './filter-options.ts'
import { type WhomChoice, whomOf, withLetters, withWhom } from './with-letters.ts'

interface ImportChoice extends ConfigChoice, WhomChoice {
  readonly file?: string
}

export const addTransfer: AddCommand = (dlq, run, exit) => {
  withFilter(
    withConfig(dlq.command('export').description('write dead letters to stdout, a line of JSON each (NDJSON)')),
  ).action(async (choice: ConfigChoice & FilterChoice) => exit(await writeAll(choice, run)))
  withWhom(
    withConfig(dlq.command('import').description('take in dead letters that were exported, from a file or stdin')),
  )
    .option('-f, --file <path>', 'read lines from this file')
    .addHelpText('after', '\nA line that is no dead letter is refused with its number, and the others are taken.')
    .action(async (choice: ImportChoice) => exit(await readAll(choice, run)))
}

const PAGE = 200

const writeAll = (choice: ConfigChoice & FilterChoice, run: Run): Promise<ExitCode> =>
  withLetters(choice, run, async app => {
    const filter = filterOf(choice, run.host.clock.now())
    let before: string | undefined
    let unreadable = 0
    do {
      const page = await app.deadLetters.page({ ...filter, limit: PAGE, ...(before === undefined ? {} : { before }) })
      for (const { id } of page.letters) {
        const line = await lineOf(app, id)
        if ('problem' in line) unreadable += 1
        if ('problem' in line) run.terminal.stderr.write(`${printable(`${id} is not exported: ${line.problem}`)}\n`)
        else await run.terminal.stdout.write(`${line.text}\n`)
      }
      before = page.next
    } while (before !== undefined)
    return unreadable > 0 ? 1 : 0
  })

const lineOf = async (
  app: HostedApp,
  id: string,
): Promise<{ readonly text: string } | { readonly problem: string }> => {
  try {
    return { text: exportLetter(await app.deadLetters.show(id)) }
  } catch (error) {
    return { problem: errorInfo(error).message }
  }
}

const SAID_PROBLEMS = 20

const readAll = async (choice: ImportChoice, run: Run): Promise<ExitCode> => {
  const { stdin, stdout, stderr, cwd } = run.terminal
  if (choice.file === undefined && stdin.isTTY)
    throw usage('there is nothing to import: give --file, or lines on stdin')
  const input = choice.file === undefined ? stdin : createReadStream(resolve(cwd, choice.file))
  return withLetters(choice, run, async app => {
    let [number, taken, known, refused] = [0, 0, 0, 0]
    for await (const line of lines(input)) {
      number += 1
      if (line.trim() === '') continue
      try {
        if (await app.deadLetters.take(importLetter(line), whomOf(choice, run))) taken += 1
        else known += 1
      } catch (error) {
        if (!isRefusal(error)) throw error
        refused += 1
        if (refused <= SAID_PROBLEMS) stderr.write(`${printable(`line ${number}: ${errorInfo(error).message}`)}\n`)
      }
    }
    if (refused > SAID_PROBLEMS) stderr.write(`… and ${refused - SAID_PROBLEMS} lines more\n`)
    const said = [
      `${count(taken, 'dead letter')} taken in`,
      ...(known > 0 ? [`${known} there already`] : []),
      ...(refused > 0 ? [`${refused} refused`] : []),
    ]
    stdout.write(`${said.join(', ')}\n`)
    return refused > 0 ? 1 : 0
  })
}

const isRefusal = (error: unknown): boolean =>
  ['DEAD_LETTER_UNREADABLE', 'DEAD_LETTER_REFUSED'].includes(errorInfo(error).code ?? '')
