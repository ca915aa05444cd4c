import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startNode } from '../support/child.ts'
import { compiles, ROOT, readersProject } from './reader.ts'

test('the code on the page about HTTP compiles, and its test passes', { timeout: 180_000 }, async context => {
  const page = await readFile(join(ROOT, 'connectors/http/README.md'), 'utf8')
  const folder = await readersProject(context, page)
  await compiles(context, folder)
  const tests = startNode(context, ['--test', join(folder, 'quote.test.ts')])
  assert.equal((await tests.ended).code, 0, tests.output())
  assert.match(tests.output(), /pass 1/)
})
