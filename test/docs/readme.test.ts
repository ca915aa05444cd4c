import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { startNode } from '../support/child.ts'
import { compiles, ROOT, readersProject } from './reader.ts'

const readme = await readFile(join(ROOT, 'README.md'), 'utf8')

test('the code in the README compiles, and its tests pass', { timeout: 180_000 }, async context => {
  const folder = await readersProject(context, readme)
  await compiles(context, folder)
  const tests = startNode(context, ['--test', join(folder, 'charge.test.ts')])
  assert.equal((await tests.ended).code, 0, tests.output())
  assert.match(tests.output(), /pass 2/)
})

test('the commands in the README do what it says', { timeout: 180_000 }, async context => {
  const folder = await readersProject(context, readme)
  const millrace = (...args: readonly string[]) =>
    startNode(context, [join(ROOT, 'core/cli/main.ts'), ...args], { cwd: folder })
  const app = millrace('start', '--plain')
  await app.line(/charge.*|running|started/)
  for (const [order, total] of [
    ['a-1', 12.5],
    ['a-2', -1],
  ] as const) {
    const send = millrace('send', 'local/orders', JSON.stringify({ id: order, total }))
    assert.equal((await send.ended).code, 0, send.errors())
  }
  const listed = async (): Promise<string> => {
    const list = millrace('dlq', 'list')
    await list.ended
    return list.output()
  }
  let letters = await listed()
  while (!/not-retryable/.test(letters)) letters = await listed()
  assert.match(letters, /negative total/)
  const status = millrace('status')
  await status.ended
  assert.match(status.output(), /shop/)
  app.kill('SIGTERM')
  assert.deepEqual(await app.ended, { code: 0, signal: null })
})

test('every file that the README and its pages link to is there', async () => {
  for (const page of [
    'README.md',
    'CONTRIBUTING.md',
    'docs/configuration.md',
    'docs/functions.md',
    'docs/errors.md',
    'docs/command-line.md',
    'examples/orders/README.md',
  ]) {
    const text = await readFile(join(ROOT, page), 'utf8')
    for (const [, link = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)\)/g))
      assert.ok(existsSync(join(ROOT, dirname(page), link)), `${page} links to ${link}`)
  }
})
