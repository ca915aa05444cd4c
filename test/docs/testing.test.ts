import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startNode } from '../support/child.ts'
import { compiles, ROOT, readersProject } from './reader.ts'

test('the code in docs/testing.md compiles, and its tests pass', { timeout: 180_000 }, async context => {
  const folder = await readersProject(context, await readFile(join(ROOT, 'docs/testing.md'), 'utf8'))
  await compiles(context, folder)
  const tests = startNode(context, ['--test', join(folder, 'one.test.ts'), join(folder, 'app.test.ts')])
  assert.equal((await tests.ended).code, 0, tests.output())
  assert.match(tests.output(), /pass 5/)
})
