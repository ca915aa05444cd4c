/** Folders and zips as functions, with layers. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { PackageCode } from '../../../../core/engine/contract.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { harness, outcomeAs } from '../harness.ts'
import { inEveryIsolation } from '../isolations.ts'
import { answerOf, code, type Files, handler, MB, writeFiles, writeZip } from './written.ts'
import { zipOf } from './zip.ts'

/** Of a folder, and the same as a zip. */
const SHAPES: Readonly<Record<string, { files: Files; entry?: string; answers: unknown }>> = {
  'index.js': { files: { 'index.js': `module.exports.handler = () => 'common'` }, answers: 'common' },
  'index.mjs': { files: { 'index.mjs': handler(`'module'`) }, answers: 'module' },
  'index.ts, which runs as it is': {
    files: { 'index.ts': `const a: string = 'typed'; export const handler = (): string => a` },
    answers: 'typed',
  },
  'the main module of package.json': {
    files: { 'package.json': '{"main": "dist/app", "type": "module"}', 'dist/app.js': handler(`'main'`) },
    answers: 'main',
  },
  'a main module that is a folder': {
    files: { 'package.json': '{"main": "./lib"}', 'lib/index.cjs': `exports.handler = () => 'lib'` },
    answers: 'lib',
  },
  'module.export, as on Lambda': {
    files: { 'src/app.mjs': `export const charge = () => process.env._HANDLER` },
    entry: 'src/app.charge',
    answers: 'src/app.charge',
  },
  'a member of an export': {
    files: { 'app.mjs': `export const orders = { charge: () => 'member' }` },
    entry: 'app.orders.charge',
    answers: 'member',
  },
  'a module with a dot in its name': {
    files: { 'app.v2.mjs': `export const charge = () => 'dotted'` },
    entry: 'app.v2.charge',
    answers: 'dotted',
  },
  'an export of the main module': { files: { 'index.mjs': `export const b = () => 'b'` }, entry: 'b', answers: 'b' },
  'compiled code beside its source': {
    files: { 'app.ts': `enum No {}; export const handler = 1`, 'app.js': `exports.handler = () => 'compiled'` },
    entry: 'app.handler',
    answers: 'compiled',
  },
  'packages of its own': {
    files: { 'index.mjs': `import a from 'a'; ${handler('a')}`, 'node_modules/a/index.js': `module.exports = 'own'` },
    answers: 'own',
  },
}

for (const [what, { files, entry, answers }] of Object.entries(SHAPES))
  test(`a folder and a zip with ${what} run`, async context => {
    const folder = await temporaryFolder(context)
    const more = entry === undefined ? {} : { entry }
    await writeFiles(join(folder, 'f'), files)
    await writeZip(join(folder, 'f.zip'), files)
    assert.equal(await answerOf(context, code(join(folder, 'f'), more)), answers)
    assert.equal(await answerOf(context, code(join(folder, 'f.zip'), more)), answers)
  })

const UNREADY: Readonly<Record<string, { files: Files; entry?: string; code_?: string; says: RegExp }>> = {
  'no module': {
    files: { 'readme.md': '' },
    says: /functions\.f: .*f has neither index\{\.js,.*handler: 'path\/of\/module\.export'/,
  },
  'a main module that is not there': {
    files: { 'package.json': '{"main":"gone.js"}' },
    says: /is "gone\.js", which does not exist/,
  },
  'a package.json that is none': { files: { 'package.json': '{' }, says: /package\.json cannot be read/ },
  'a handler that is not there': {
    files: { 'index.js': '' },
    entry: 'src/app.handler',
    says: /there is no src\/app\{\.js/,
  },
  'a handler without a module': {
    files: { 'index.js': '' },
    entry: 'src/app',
    says: /write it as path\/of\/module\.export/,
  },
  'a handler outside': { files: { 'index.js': '' }, entry: '../x.handler', says: /must be inside of/ },
  'an export that is not there': {
    files: { 'index.mjs': 'export const other = 1' },
    entry: 'index.charge',
    says: /needs a function exported as `charge`, as its handler says; it exports other/,
  },
  'syntax that Node cannot strip': {
    files: { 'index.ts': 'enum Color { Red }; export const handler = () => Color.Red' },
    code_: 'FUNCTION_INIT_FAILED',
    says: /file: 'dist\/x\.js'.*nodeOptions: \['--import', 'tsx'\]/s,
  },
}

for (const [what, { files, entry, code_ = 'FUNCTION_NOT_FOUND', says }] of Object.entries(UNREADY))
  test(`a folder with ${what} is not ready, and says so`, async context => {
    const folder = await temporaryFolder(context)
    await writeFiles(join(folder, 'f'), files)
    const error = (await answerOf(context, code(join(folder, 'f'), entry === undefined ? {} : { entry }))) as {
      code: string
      message: string
    }
    assert.equal(error.code, code_)
    assert.match(error.message, says)
  })

test('a zip without a module is named by its own path, not by where it was unpacked', async context => {
  const zip = join(await temporaryFolder(context), 'f.zip')
  await writeZip(zip, { 'readme.txt': 'nothing' })
  for (const entry of [undefined, 'src/app.charge', 'main']) {
    const error = (await answerOf(context, code(zip, entry === undefined ? {} : { entry }))) as { message: string }
    assert.match(error.message, /f\.zip/)
    assert.doesNotMatch(error.message, /\/packages\//)
  }
})

test('a zip that is refused makes its function unready, and the next try sees the one that was mended', async context => {
  const folder = await temporaryFolder(context)
  const zip = join(folder, 'f.zip')
  await writeFile(zip, zipOf({ name: '../index.js' }))
  const { run } = await harness(context, { f: code(zip) })
  const { error } = outcomeAs(await run('f'), 'not-ready')
  assert.equal(error.code, 'FUNCTION_PACKAGE_INVALID')
  assert.match(error.message, /^functions\.f: .*f\.zip: its entry "\.\.\/index\.js" leaves/)
  await writeZip(zip, { 'index.mjs': handler('1') })
  assert.equal(outcomeAs(await run('f'), 'answered').value, 1)
})

test('a function folder and a state folder that disappear while it runs: what runs goes on, the next is made again', async context => {
  const folder = await temporaryFolder(context)
  const zip = await writeZip(join(folder, 'f.zip'), {
    'index.mjs': `let n = 0; ${handler('process.env.LAMBDA_TASK_ROOT')}`,
  })
  const { run, engine } = await harness(context, { f: code(zip) })
  const root = outcomeAs(await run('f'), 'answered').value as string
  await rm(dirname(root), { recursive: true })
  assert.equal(outcomeAs(await run('f'), 'answered').value, root)
  const slots = await Promise.all([1, 2].map(() => engine.acquire('f', 'm', new AbortController().signal)))
  // The first is the one that runs already.
  slots[1]?.release()
  const again = await run('f')
  slots[0]?.release()
  assert.equal(outcomeAs(again, 'answered').value, root)
  assert.ok(existsSync(root))
})

const LAYERS: Files = {
  'nodejs/node_modules/shared/index.mjs': `export default 'layer'`,
  'nodejs/node_modules/shared/package.json': '{"exports":"./index.mjs"}',
}
const ASKS = `import shared from 'shared'; import { createRequire } from 'node:module'
  const required = createRequire(import.meta.url)('common'); ${handler('[shared, required, process.env.MILLRACE_OPT]')}`

inEveryIsolation(
  "import and require find packages of layers; a later layer covers an earlier one, the function's own cover both",
  async (context, isolation) => {
    const folder = await temporaryFolder(context)
    const f = await writeZip(join(folder, 'f.zip'), { 'index.mjs': ASKS })
    const low = await writeZip(join(folder, 'low.zip'), {
      ...LAYERS,
      'nodejs/node_modules/common/index.js': `module.exports = 'low ' + require('deep')`,
    })
    const high = await writeFiles(join(folder, 'high'), {
      'nodejs/node_modules/common/index.js': `module.exports = 'high ' + require('deep')`,
      'node_modules/deep/index.js': `module.exports = 'deep'`,
      'data/x.txt': 'x',
    })
    const run = async (more: Partial<PackageCode>, path = f): Promise<readonly string[]> =>
      (await answerOf(context, { ...code(path, more), isolation })) as readonly string[]
    const [first, second] = await run({ layers: [low, high] })
    assert.deepEqual([first, second], ['layer', 'high deep'])
    const own = await writeFiles(join(folder, 'own'), {
      'index.mjs': ASKS,
      'node_modules/common/index.js': `module.exports = 'own'`,
    })
    assert.equal((await run({ layers: [low, high] }, own))[1], 'own')
  },
)

test('a function sees its layers as one folder, with programs on its PATH, and TypeScript of a single file beside', async context => {
  const folder = await temporaryFolder(context)
  const tool = { name: 'bin/tool', body: '#!/bin/sh\necho from layer', mode: 0o100_755 }
  await writeFile(
    join(folder, 'tools.zip'),
    zipOf(tool, { name: 'data/a.txt', body: 'a' }, { name: 'data/b.txt', body: 'low' }),
  )
  const data = await writeFiles(join(folder, 'data'), { 'data/b.txt': 'high' })
  await writeFiles(folder, {
    'f.ts': `import { execFileSync } from 'node:child_process'; import { readFileSync } from 'node:fs'
      const opt: string = process.env.MILLRACE_OPT ?? ''
      export const look = () => [execFileSync('tool').toString(), ...['a', 'b'].map(name => readFileSync(opt + '/data/' + name + '.txt', 'utf8'))]`,
  })
  const layers = [join(folder, 'tools.zip'), data]
  const answer = await answerOf(context, code(join(folder, 'f.ts'), { entry: 'look', layers }))
  assert.deepEqual(answer, ['from layer\n', 'a', 'high'])
})

test('layers and function together may not come to more than maxPackage, and a layer is no module', async context => {
  const folder = await temporaryFolder(context)
  const f = await writeZip(join(folder, 'f.zip'), { 'index.mjs': handler('1'), 'a.bin': 'a'.repeat(600_000) })
  const layer = await writeZip(join(folder, 'l.zip'), { 'b.bin': 'b'.repeat(600_000) })
  const over = (await answerOf(context, code(f, { layers: [layer], maxBytes: MB }))) as { message: string }
  assert.match(
    over.message,
    /l\.zip: its entry "b\.bin" would bring the function and its layers over the 1048576 bytes/,
  )
  const wrong = (await answerOf(context, code(f, { layers: [join(import.meta.dirname, 'zip.ts')] }))) as {
    message: string
  }
  assert.match(wrong.message, /functions\.f\.layers\.0 must be a folder or a \.zip/)
  const gone = (await answerOf(context, code(f, { layers: [join(folder, 'gone')] }))) as { message: string }
  assert.match(gone.message, /functions\.f\.layers\.0: .*gone does not exist/)
})
