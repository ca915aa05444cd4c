import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { versionOf } from '../../../core/engine/version.ts'
import { temporaryFolder } from '../../support/folder.ts'

test('a version changes with the function and with every file it reaches by a relative import', async context => {
  const folder = await temporaryFolder(context)
  await mkdir(join(folder, 'lib'))
  const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text)
  await write('f.ts', "import { a } from './lib/a.ts'\nimport './side.js'\nconst later = () => import( '../gone.ts' )")
  await write('side.js', 'require("./lib/c.cjs")')
  await write('lib/a.ts', "export {\n  b,\n} from './b.ts'\nimport '../f.ts'")
  await write('lib/b.ts', 'export const b = 1')
  await write('lib/c.cjs', '')
  await write('other.ts', '')
  const version = (): string => versionOf({ file: join(folder, 'f.ts') })
  const before = version()
  assert.match(before, /^[0-9a-f]{12}$/)
  await write('other.ts', 'not reached')
  assert.equal(version(), before)
  const seen = new Set([before])
  for (const name of ['lib/b.ts', 'lib/c.cjs', 'side.js', 'lib/a.ts', 'f.ts']) {
    await write(name, `// changed\nimport './lib/b.ts'; import './side.js'; import './lib/a.ts'; import './lib/c.cjs'`)
    seen.add(version())
  }
  assert.equal(seen.size, 6)
})

test('the same code has the same version in another folder, where a release may have been unpacked', async context => {
  const versions = []
  for (const _ of [1, 2]) {
    const folder = await temporaryFolder(context)
    await writeFile(join(folder, 'f.ts'), "import './g.ts'")
    await writeFile(join(folder, 'g.ts'), '')
    versions.push(versionOf({ file: join(folder, 'f.ts') }))
  }
  assert.equal(versions[0], versions[1])
})

test('the version of a program changes with the files its command names and those of the same kind beside them', async context => {
  const folder = await temporaryFolder(context)
  const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text)
  await write('handler.py', 'import more')
  await write('more.py', '')
  await write('data.csv', '')
  const version = (command = ['python3', 'handler.py']): string => versionOf({ command, folder })
  const before = version()
  assert.match(before, /^[0-9a-f]{12}$/)
  await write('data.csv', '1,2')
  assert.equal(version(), before)
  await write('more.py', 'x = 1')
  const changed = version()
  assert.notEqual(changed, before)
  await write('new.py', '')
  assert.notEqual(version(), changed)
  assert.notEqual(version(['data.csv']), version())
})

test('a handler given as a value is inline, a file that is not there is missing', () => {
  assert.equal(versionOf({ handler: () => {} }), 'inline')
  assert.equal(versionOf({ file: '/nowhere/f.ts' }), 'missing')
})

const packaged = (path: string, more: { entry?: string; layers?: readonly string[] } = {}) =>
  versionOf({ package: path, layers: [], maxBytes: 1_000_000, ...more })

test('a folder has another version with every file in it, what its handler imports from outside, and its layers', async context => {
  const folder = await temporaryFolder(context)
  for (const name of ['f/src', 'f/node_modules/a', 'layer/node_modules/b'])
    await mkdir(join(folder, name), { recursive: true })
  const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text)
  await write('f/src/app.ts', "import '../../outside.ts'")
  await write('outside.ts', '')
  await write('layer/node_modules/b/index.js', '')
  const version = () =>
    packaged(join(folder, 'f'), { entry: 'src/app.handler', layers: [join(folder, 'layer'), join(folder, 'l.zip')] })
  const seen = new Set([version()])
  const files = ['f/src/app.ts', 'f/data.txt', 'f/package-lock.json', 'outside.ts', 'layer/node_modules/b/index.js']
  for (const [index, name] of [...files, 'l.zip'].entries()) {
    await write(name, `import '../../outside.ts' // changed`)
    seen.add(version())
    assert.equal(seen.size, index + 2, `${name} counts`)
  }
  await write('f/node_modules/a/index.js', 'installed')
  assert.ok(seen.has(version()), 'what is installed in a folder does not count')
  assert.notEqual(packaged(join(folder, 'f'), { entry: 'src/app.other' }), packaged(join(folder, 'f')))
  assert.equal(packaged(join(folder, 'gone')), 'missing')
})

test('a file that was written over with as many bytes is another version, and a zip is its bytes', async context => {
  const folder = await temporaryFolder(context)
  const zip = join(folder, 'f.zip')
  await writeFile(zip, 'one')
  const before = packaged(zip)
  await writeFile(zip, 'two')
  assert.notEqual(packaged(zip), before)
  await writeFile(zip, 'one')
  assert.equal(packaged(zip), before)
})
