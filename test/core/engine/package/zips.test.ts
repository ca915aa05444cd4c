/** Zips as functions: their versions, what made them, and what they find. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../../support/folder.ts'
import { harness, outcomeAs } from '../harness.ts'
import { answerOf, code, handler, writeFiles, writeZip } from './written.ts'

test('a zip that was written anew is a new version, and what runs of the old one finishes', async context => {
  const folder = await temporaryFolder(context)
  const zip = await writeZip(join(folder, 'f.zip'), { 'index.mjs': handler('1') })
  const { run, engine, specs } = await harness(context, { f: code(zip) })
  const before = await run('f')
  await writeZip(zip, { 'index.mjs': handler('2') })
  assert.equal(outcomeAs(await run('f'), 'answered').value, 1)
  assert.deepEqual(engine.replace(specs), ['f'])
  const after = await run('f')
  assert.deepEqual(
    [before, after].map(report => outcomeAs(report, 'answered').value),
    [1, 2],
  )
  assert.notEqual(before.version, after.version)
  assert.deepEqual(engine.replace(specs), [])
})

test('a zip made by the program zip runs', async context => {
  const folder = await temporaryFolder(context)
  await writeFiles(join(folder, 'f'), {
    'src/app.ts': `import a from 'a'; ${handler('a')}`,
    'node_modules/a/index.js': `module.exports = 'packed'`,
  })
  const { error } = spawnSync('zip', ['-qr', '../f.zip', '.'], { cwd: join(folder, 'f') })
  if (error) return context.skip('there is no program zip here')
  assert.equal(await answerOf(context, code(join(folder, 'f.zip'), { entry: 'src/app.handler' })), 'packed')
})

test('what a .js file of a zip is, the zip says, and not the project whose state folder it is unpacked in', async context => {
  const folder = await temporaryFolder(context)
  const zip = await writeZip(join(folder, 'f.zip'), { 'index.js': `module.exports.handler = () => __dirname` })
  const other = await writeZip(join(folder, 'g.zip'), { 'index.mjs': handler('import.meta.dirname') })
  const { run } = await harness(context, { f: code(zip), g: code(other) })
  const packages = dirname(outcomeAs(await run('g'), 'answered').value as string)
  await writeFile(join(packages, '../../package.json'), '{"type":"module"}')
  assert.equal(dirname(outcomeAs(await run('f'), 'answered').value as string), packages)
})

test('a zip finds millrace in what runs it, and functions share what is unpacked', async context => {
  const folder = await temporaryFolder(context)
  const zip = await writeZip(join(folder, 'f.zip'), {
    'a.mjs': `import { NotRetryable } from 'millrace'; ${handler('new NotRetryable("x").code')}`,
    'b.mjs': `export const other = () => import.meta.dirname`,
  })
  const { run, specs } = await harness(context, {
    a: code(zip, { entry: 'a.handler' }),
    b: code(zip, { entry: 'b.other' }),
  })
  assert.equal(specs.length, 2)
  const [a, b] = await Promise.all([run('a'), run('b')])
  assert.equal(outcomeAs(a, 'answered').value, 'NOT_RETRYABLE')
  const unpacked = dirname(outcomeAs(b, 'answered').value as string)
  assert.equal((await readdir(unpacked)).filter(name => /^[0-9a-f]+$/.test(name)).length, 1)
})
