import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startNode } from '../support/child.ts'

const ROOT = join(import.meta.dirname, '../..')

test('the code in docs/pub-sub.md compiles, and does what is written there', { timeout: 180_000 }, async context => {
  const page = await readFile(join(ROOT, 'docs/pub-sub.md'), 'utf8')
  // Below the repository, so that `millrace` is found as a dependency would be.
  const folder = await mkdtemp(join(ROOT, 'test/docs/reader-'))
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  for (const [, file = '', code = ''] of page.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g))
    await writeFile(join(folder, file), code)
  const compiler = {
    extends: '../../../tsconfig.json',
    compilerOptions: { rootDir: ROOT },
    include: ['*.ts'],
    exclude: [],
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(compiler))
  await promisify(execFile)(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder])
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
