import assert from 'node:assert/strict'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startNode } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'

const FILES = ['postgres.ts', 'errors.ts', 'log.ts', 'config/secret.ts']
const SCRIPT = `import { openPostgres } from './core/postgres.ts'
const error = await openPostgres('main', {}, { log: undefined }).catch(thrown => thrown)
console.log(error.code, error.fatal, error.message)
`

test('where pg is not installed, the error says how to install it', async context => {
  const folder = await temporaryFolder(context)
  await mkdir(join(folder, 'core/config'), { recursive: true })
  for (const file of FILES) await cp(join('core', file), join(folder, 'core', file))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(join(folder, 'script.ts'), SCRIPT)
  const child = startNode(context, ['script.ts'], { cwd: folder })
  await child.ended
  assert.match(
    child.output(),
    /^CONFIG_INVALID true PostgreSQL needs the package pg, .*; npm install pg$/m,
    child.errors(),
  )
})
