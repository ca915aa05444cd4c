/** The story of docs/when-records-fail.md, as a reader would run it: its files, its commands, and what they print. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { LetterSummary } from '../../dlq/store.ts'
import { millrace } from '../support/terminal.ts'
import { until } from '../support/until.ts'
import { ROOT, readersProject } from './reader.ts'

const page = await readFile(join(ROOT, 'docs/when-records-fail.md'), 'utf8')

const ORDERS = ['{"id":"1","total":5}', '{"id":"2","total":-5}', '{"id":"3","total":7}', '{"id":"4","total":9}'].join(
  '\n',
)

interface Step {
  readonly command: string
  readonly prints: string
}

const steps: readonly Step[] = [...page.matchAll(/```console\n([\s\S]*?)```/g)].flatMap(([, block = '']) =>
  block
    .split(/^\$ /m)
    .slice(1)
    .map(step => {
      const [command = '', ...prints] = step.split('\n')
      return { command, prints: prints.join('\n').trimEnd() }
    }),
)

/** Words, and what stands in quotes as one. */
const words = (command: string): readonly string[] =>
  [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')

/** What is printed, where … is anything, also several lines, and columns are as wide as they are. */
const pattern = (prints: string): RegExp =>
  new RegExp(
    `^${prints
      .split('…')
      .map(part => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/ {2,}/g, ' +'))
      .join('[\\s\\S]*?')}$`,
  )

test('the story of one poison record is as it is told', async context => {
  const cwd = await readersProject(context, page)
  let id = ''
  for (const { command, prints } of steps) {
    const [plain = ''] = command.replaceAll('<id>', id).split(' < ')
    if (command.includes('--here')) await writeFile(join(cwd, 'charge.ts'), mended)
    const args = words(plain).slice(1)
    const ran = await millrace(args, { cwd, ...(command.includes(' < ') ? { stdin: ORDERS } : {}) })
    assert.match(ran.out.trimEnd(), pattern(prints), `${command}: ${ran.err}`)
    if (args[0] === 'send') id = await parked(cwd)
  }
  assert.ok(steps.length >= 8)
})

const mended = (/\/\/ mended\/charge\.ts\n([\s\S]*?)```/.exec(page)?.[1] ?? '').replace(
  '../channels.ts',
  './channels.ts',
)

/** Runs the app until the poison record is a dead letter; its id. */
const parked = async (cwd: string): Promise<string> => {
  const listening = Promise.withResolvers<() => void>()
  const running = millrace(['start', '--plain'], { cwd, onSignal: listening.resolve })
  const stop = await listening.promise
  try {
    return await until('it is parked', async () => {
      const [letter]: LetterSummary[] = JSON.parse((await millrace(['dlq', 'list', '--json'], { cwd })).out)
      return letter?.id
    })
  } finally {
    stop()
    await running
  }
}

test('every command that the page names is one', async () => {
  for (const [, name = ''] of page.matchAll(/`millrace dlq (\w+)/g)) {
    const { out } = await millrace(['dlq', name, '--help'], { cwd: ROOT })
    assert.match(out, new RegExp(`^Usage: millrace dlq ${name} `), name)
  }
})
