import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { FunctionSpec, PackageCode } from '../../../../core/engine/contract.ts'
import { versionOf } from '../../../../core/engine/version.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { harness, outcomeAs } from '../harness.ts'
import { zipOf } from '../package/zip.ts'
import { bootstrapFiles, writeExecutable } from './programs.ts'

const FILES = bootstrapFiles(
  `await serve(() => ({ handler: process.env._HANDLER, root: process.env.LAMBDA_TASK_ROOT, opt: process.env.MILLRACE_OPT, path: process.env.PATH }))`,
)

const code = (path: string, more: Partial<PackageCode> = {}): PackageCode => ({
  package: path,
  layers: [],
  maxBytes: 10_000_000,
  ...more,
})

const answerOf = async (context: TestContext, spec: Partial<FunctionSpec>): Promise<Record<string, string>> => {
  const { run } = await harness(context, { f: spec })
  return outcomeAs(await run('f'), 'answered').value as Record<string, string>
}

const writeFolder = async (folder: string): Promise<string> => {
  await mkdir(folder)
  await writeExecutable(join(folder, 'bootstrap'), FILES.bootstrap ?? '')
  await writeFile(join(folder, 'main.mjs'), FILES['main.mjs'] ?? '')
  return folder
}

const zip = (bootstrapMode: number): Buffer =>
  zipOf(
    ...Object.entries(FILES).map(([name, body]) => ({
      name,
      body,
      ...(name === 'bootstrap' ? { mode: bootstrapMode } : {}),
    })),
  )

test('a folder with a bootstrap runs it, with the handler it was told', async context => {
  const folder = await writeFolder(join(await temporaryFolder(context), 'f'))
  const { handler, root } = await answerOf(context, { code: code(folder, { entry: 'orders.charge' }) })
  assert.deepEqual([handler, root], ['orders.charge', folder])
})

test('a bootstrap by itself is a program, in the folder it lies in', async context => {
  const folder = await writeFolder(join(await temporaryFolder(context), 'f'))
  const { handler, root } = await answerOf(context, { code: code(join(folder, 'bootstrap')) })
  assert.deepEqual([handler, root], ['bootstrap.handler', folder])
})

test('a zip with a bootstrap is unpacked and run; with a command, that is started in it', async context => {
  const folder = await temporaryFolder(context)
  const path = join(folder, 'f.zip')
  await writeFile(path, zip(0o100_755))
  assert.equal((await answerOf(context, { code: code(path) })).handler, 'bootstrap.handler')
  const command = [process.execPath, 'main.mjs']
  assert.equal((await answerOf(context, { code: code(path, { command }) })).handler, 'main.handler')
})

test('a bootstrap of a zip that may not be executed says so', async context => {
  const path = join(await temporaryFolder(context), 'f.zip')
  await writeFile(path, zip(0o100_644))
  const { run } = await harness(context, { f: { code: code(path) } })
  assert.match(outcomeAs(await run('f'), 'not-ready').error.message, /EACCES \(it may not be executed: chmod \+x\)/)
})

test('layers are in the variables of a program as of any function', async context => {
  const folder = await temporaryFolder(context)
  await writeFolder(join(folder, 'f'))
  await mkdir(join(folder, 'layer'))
  const { opt, path } = await answerOf(context, { code: code(join(folder, 'f'), { layers: [join(folder, 'layer')] }) })
  assert.equal(opt, join(folder, 'layer'))
  assert.ok(path?.endsWith(`:${join(folder, 'layer/bin')}`))
})

test('the version of a program in a folder changes with every file of it, and with its command', async context => {
  const folder = await writeFolder(join(await temporaryFolder(context), 'f'))
  const version = (more: Partial<PackageCode> = {}) => versionOf(code(folder, more))
  const before = version()
  await writeFile(join(folder, 'data.csv'), '1,2')
  const changed = version()
  assert.notEqual(changed, before)
  // What Python leaves there when it runs is no change of the function.
  await mkdir(join(folder, '__pycache__'))
  await writeFile(join(folder, '__pycache__/main.pyc'), '')
  assert.equal(version(), changed)
  assert.notEqual(version({ command: ['sh', 'bootstrap'] }), changed)
})
