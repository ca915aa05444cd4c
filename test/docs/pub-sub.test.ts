import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startNode } from '../support/child.ts'
import { compiles, ROOT, readersProject } from './reader.ts'

test('the code in docs/pub-sub.md compiles, and does what is written there', { timeout: 180_000 }, async context => {
  const page = await readFile(join(ROOT, 'docs/pub-sub.md'), 'utf8')
  const folder = await readersProject(context, page)
  await compiles(context, folder)
  const millrace = (...args: readonly string[]) =>
    startNode(context, [join(ROOT, 'core/cli/main.ts'), ...args], { cwd: folder })
  const app = millrace('start', '--plain')
  await app.line(/shop is running/)
  for (const order of [
    { id: 'o-1', region: 'eu', total: 500 },
    { id: 'o-2', region: 'us', total: 50 },
    { id: 'o-3', region: 'us', total: 500 },
  ]) {
    const send = millrace('send', 'local/orders', JSON.stringify(order))
    assert.equal((await send.ended).code, 0, send.errors())
  }
  for (const id of ['o-1', 'o-2', 'o-3'])
    await Promise.all([app.line(new RegExp(`billed ${id}`)), app.line(new RegExp(`mailed about ${id}`))])
  await app.line(/declared o-3/)
  assert.doesNotMatch(app.output(), /declared o-[12]/)
  app.kill('SIGTERM')
  assert.equal((await app.ended).code, 0)
})
