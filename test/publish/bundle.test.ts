import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import type { FunctionSpec } from '../../core/engine/contract.ts'
import { harness, outcomeAs } from '../core/engine/harness.ts'
import { temporaryFolder } from '../support/folder.ts'

const run = promisify(execFile)

type Files = Readonly<Record<string, string>>

const APP: Files = {
  'app.ts': `import { greet } from 'greet'
import { NotRetryable } from 'millrace'
import { name } from './lib/name.ts'
export const charge = (batch: readonly { data: unknown }[]): string => {
  if (batch[0]?.data === 'throw') throw new NotRetryable('thrown on line five')
  return greet(name)
}`,
  'lib/name.ts': `export const name: string = 'Ada'`,
  // Written for \`require\`, which a bundle of modules does not have by itself.
  'node_modules/greet/package.json': '{"name": "greet", "version": "1.0.0", "main": "index.js"}',
  'node_modules/greet/index.js': `const { sep } = require(['node', 'path'].join(':')); exports.greet = name => 'hello ' + name + sep`,
}

const project = async (context: TestContext, files: Files, installed: 'esbuild' | 'nothing'): Promise<string> => {
  const folder = await temporaryFolder(context)
  if (installed === 'esbuild') await installEsbuild(folder)
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}

const installEsbuild = async (folder: string): Promise<void> => {
  await writeFile(join(folder, 'package.json'), '{"private": true, "type": "module"}')
  await run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--prefer-offline', 'esbuild@0.28'], {
    cwd: folder,
  })
}

const bundled = (folder: string): Partial<FunctionSpec> => ({
  code: { package: join(folder, 'app.ts'), entry: 'charge', layers: [], maxBytes: 1_000_000, bundle: 'esbuild' },
})

test('a module is run as one file with all it imports, and its stacks name the lines that were written', {
  timeout: 180_000,
}, async context => {
  const folder = await project(context, APP, 'esbuild')
  const { run: invoke, stateDir } = await harness(context, { f: bundled(folder) })
  assert.equal(outcomeAs(await invoke('f'), 'answered').value, 'hello Ada/')
  const [bundle] = (await readdir(join(stateDir, 'packages'))).filter(name => /^bundle-\w+$/.test(name))
  assert.deepEqual((await readdir(join(stateDir, 'packages', bundle ?? ''))).sort(), ['bundle.mjs', 'bundle.mjs.map'])
  const { error } = outcomeAs(await invoke('f', ['"throw"']), 'failed')
  assert.deepEqual([error.message, error.retryable], ['thrown on line five', false])
  assert.match(error.stack ?? '', /\/app\.ts:5:/)
  // Another environment starts from the bundle, whatever became of the rest.
  await rm(join(folder, 'lib'), { recursive: true })
  outcomeAs((await Promise.all([invoke('f'), invoke('f')]))[1], 'answered')
})

test('what cannot be bundled says where and why, and what to do without esbuild', {
  timeout: 180_000,
}, async context => {
  const without = await project(context, APP, 'nothing')
  const { run: invoke } = await harness(context, { f: bundled(without) })
  const missing = outcomeAs(await invoke('f'), 'not-ready').error
  assert.match(
    missing.message,
    /functions\.f\.bundle: esbuild is not installed where .*app\.ts could import it; npm install --save-dev esbuild/,
  )
  const source = "import { gone } from './gone.ts'\nexport const charge = gone +"
  const folder = await project(context, { 'app.ts': source }, 'esbuild')
  const { run: again } = await harness(context, { f: bundled(folder) })
  const { message } = outcomeAs(await again('f'), 'not-ready').error
  assert.match(message, /functions\.f\.bundle: .*app\.ts cannot be bundled: .*\(app\.ts:2\)/)
})
