/** `millrace dlq edit`: a changed copy of a letter takes its place and is replayed. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { InvalidArgumentError } from 'commander'
import type { StoredLetter } from '../../../dlq/store.ts'
import type { LetterEdit } from '../../letters-contract.ts'
import { type ConfigChoice, withConfig } from '../config-option.ts'
import type { Run } from '../host.ts'
import { readBody, usage } from '../input.ts'
import type { AddCommand } from '../program.ts'
import { printable } from '../text.ts'
import { utf8Whole } from './body-text.ts'
import { type Setting, withSettings } from './json-path.ts'
import { type WhomChoice, whomOf, withLetters, withWhom } from './with-letters.ts'

interface EditChoice extends ConfigChoice, WhomChoice {
  readonly set?: readonly Setting[]
  readonly bodyFile?: string
  readonly header?: Readonly<Record<string, string | null>>
}

export const addEdit: AddCommand = (dlq, run, exit) => {
  withWhom(withConfig(dlq.command('edit').description('replay a changed copy of a dead letter, which takes its place')))
    .argument('<id>', 'as in dlq list')
    .option('--set <path=value>', 'change a field of a JSON body: order.total=17; may be given again', setting)
    .option('--body-file <path>', 'the new body')
    .option('-H, --header <name=value>', 'the new value of a header; name= removes it; may be given again', header)
    .addHelpText(
      'after',
      "\nWithout any of these, $VISUAL or $EDITOR opens the body. The configuration has to allow it: deadLetters: { edit: 'on' }.",
    )
    .action(async (id: string, choice: EditChoice) => exit(await edit(id, choice, run)))
}

const edit = (id: string, choice: EditChoice, run: Run): Promise<0> =>
  withLetters(choice, run, async app => {
    const stored = await app.deadLetters.show(id)
    const body = await newBody(stored, choice, run)
    const { stdout } = run.terminal
    if (body === 'unchanged' && choice.header === undefined) {
      stdout.write('nothing changed\n')
      return 0 as const
    }
    const change: LetterEdit = {
      ...(body === 'unchanged' ? {} : { body }),
      ...(choice.header ? { headers: choice.header } : {}),
      ...whomOf(choice, run),
    }
    const { id: copy, job } = await app.deadLetters.edit(id, change)
    stdout.write(`${printable(`${stored.summary.id} is resolved; its copy ${copy} runs in replay ${job}`)}\n`)
    return 0 as const
  })

const newBody = async (
  { letter }: StoredLetter,
  { set, bodyFile, header: headers }: EditChoice,
  run: Run,
): Promise<Uint8Array | 'unchanged'> => {
  if (set && bodyFile !== undefined) throw usage('give either --set or --body-file')
  if (bodyFile !== undefined) return readBody(resolve(run.terminal.cwd, bodyFile))
  const { body } = letter.record
  if (set) return new TextEncoder().encode(withSettings(textOf(body, '--set'), set))
  if (headers) return 'unchanged'
  const text = textOf(body, 'an editor')
  const edited = await inEditor(text, run)
  return edited === text ? 'unchanged' : new TextEncoder().encode(edited)
}

const textOf = (body: Uint8Array | null, what: string): string => {
  const text = body === null ? undefined : utf8Whole(body)
  if (text === undefined) throw usage(`${what} is for bodies of text, this one is none; give --body-file`)
  return text
}

/** In a file that only this user may read, gone afterwards. */
const inEditor = async (text: string, { host }: Run): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-edit-'))
  try {
    await chmod(folder, 0o700)
    const path = join(folder, 'body')
    await writeFile(path, text, { mode: 0o600 })
    await host.editFile(path)
    return await readFile(path, 'utf8')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const setting = (text: string, before: readonly Setting[] = []): readonly Setting[] => {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It must be path=value.')
  return [...before, { path: text.slice(0, at), value: text.slice(at + 1) }]
}

const header = (text: string, before: EditChoice['header'] = {}): EditChoice['header'] => {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It must be name=value, or name= to remove it.')
  const value = text.slice(at + 1)
  return { ...before, [text.slice(0, at)]: value === '' ? null : value }
}
