import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startNode } from '../../support/child.ts'
import { until } from '../../support/until.ts'

const ROOT = join(import.meta.dirname, '../../..')

test('the example of the README reads what is put into the folder, which is that of the configuration', async context => {
  const readme = await readFile(join(ROOT, 'connectors/files/README.md'), 'utf8')
  // Below the repository, so that `millrace` is found as a dependency would be.
  const folder = await mkdtemp(join(ROOT, 'test/connectors/files/reader-'))
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  for (const [, file = '', code = ''] of readme.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g))
    await writeFile(join(folder, file), code)
  await mkdir(join(folder, 'inbox'))
  const config = join(folder, 'millrace.config.ts')
  const app = startNode(context, [join(ROOT, 'core/cli/main.ts'), 'start', '--plain', '--config', config])
  await app.line(/shop is running/)
  await writeFile(join(folder, 'prices.csv'), 'tea;350\ncup;990\n')
  await rename(join(folder, 'prices.csv'), join(folder, 'inbox/prices.csv'))
  await app.line(/created: prices.csv has 2 lines/)
  await until('it is where it was to go', () =>
    readdir(join(folder, 'done')).then(
      names => names.includes('prices.csv'),
      () => false,
    ),
  )
  app.kill('SIGTERM')
  assert.equal((await app.ended).code, 0)
})
