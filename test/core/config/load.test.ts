import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { findConfig, loadConfig } from '../../../core/config/load.ts'
import { configReloader } from '../../../core/config/reload.ts'
import { temporaryFolder } from '../../support/folder.ts'

/** A folder with these files. */
const folderWith = async (context: TestContext, files: Readonly<Record<string, string>>): Promise<string> => {
  const folder = await temporaryFolder(context)
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}

test('the configuration is looked for upward, .ts before .js before .mjs', async context => {
  const folder = await folderWith(context, { 'millrace.config.js': '', 'millrace.config.mjs': '', 'a/b/x': '' })
  assert.equal(findConfig(join(folder, 'a', 'b')), join(folder, 'millrace.config.js'))
  await writeFile(join(folder, 'a', 'millrace.config.mjs'), '')
  assert.equal(findConfig(join(folder, 'a', 'b')), join(folder, 'a', 'millrace.config.mjs'))
})

test('a configuration that is named is taken, wherever it is', async context => {
  const folder = await folderWith(context, { 'other.ts': '', 'millrace.config.ts': '' })
  assert.equal(findConfig(folder, './other.ts'), join(folder, 'other.ts'))
  assert.equal(findConfig('/', join(folder, 'other.ts')), join(folder, 'other.ts'))
  assert.throws(() => findConfig(folder, 'gone.ts'), {
    code: 'CONFIG_NOT_FOUND',
    message: `there is no configuration at ${join(folder, 'gone.ts')}; check --config`,
  })
})

test('without a configuration it is said where it was looked for and what to create', async context => {
  const folder = await folderWith(context, { 'a/x': '' })
  assert.throws(
    () => findConfig(join(folder, 'a')),
    (error: Error) =>
      error.message.startsWith(`no millrace.config.ts (or .js, .mjs) in ${join(folder, 'a')}, ${folder}, `) &&
      error.message.endsWith('create one that says `export default defineConfig({ … })`, or name it with --config'),
  )
})

test('what a configuration exports by default is loaded, its types erased', async context => {
  const folder = await folderWith(context, { 'c.ts': "const name: string = 'shop'\nexport default { name }" })
  assert.deepEqual(await loadConfig(join(folder, 'c.ts')), {
    file: join(folder, 'c.ts'),
    folder,
    config: { name: 'shop' },
  })
})

/** The file `c.ts` or `c.mjs`, and what is said when it is imported; `$` stands for its folder. */
const BROKEN: readonly (readonly [what: string, file: string, text: string, said: RegExp])[] = [
  ['no default export', 'c.ts', 'export const a = 1', /^\$\/c\.ts has no default export; write `export default/],
  [
    'a thrown error',
    'c.ts',
    'const a: number = 1\n\nnull.x',
    /c\.ts cannot be imported: Cannot read .* · at \$\/c\.ts:3:6$/,
  ],
  [
    'a syntax error',
    'c.ts',
    'const a: number = 1\nconst b = = 2',
    /cannot be imported: Expression expected · at \$\/c\.ts:2$/,
  ],
  ['a syntax error in JavaScript', 'c.mjs', '\n\nconst b = = 2', /: Unexpected token '=' · at \$\/c\.mjs:3$/],
  [
    'an enum',
    'c.ts',
    'enum A { B }',
    /enum is not supported.* at \$\/c\.ts:1 · .*'dist\/x\.js'.*\['--import', 'tsx'\]/,
  ],
  [
    'a decorator',
    'c.ts',
    'const d = (x: unknown) => x\n@d class A {}',
    /at \$\/c\.ts:2 · .*'dist\/x\.js'.*\['--import', 'tsx'\]/,
  ],
  [
    'a missing file',
    'c.ts',
    "import './nope.ts'",
    /Cannot find module '\$\/nope\.ts'.* · check the path in the import/,
  ],
  [
    'a missing package',
    'c.ts',
    "import 'no-such-package'",
    /Cannot find package 'no-such-package'.* · install the package$/,
  ],
  ['a missing export', 'c.ts', "import { a } from './c.ts'", /does not provide an export named 'a' · at \$\/c\.ts:1$/],
]

for (const [what, file, text, said] of BROKEN)
  test(`a configuration with ${what} says file, line and what to do`, async context => {
    const folder = await folderWith(context, { [file]: text })
    await assert.rejects(loadConfig(join(folder, file)), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'CONFIG_INVALID')
      assert.match(error.message.replaceAll(folder, '$'), said)
      return true
    })
  })

test('loading again sees what changed in the configuration and in all it imports', async context => {
  const folder = await folderWith(context, {
    'millrace.config.ts': "import { name } from './deep/name.ts'\nexport default { name, size: 1 }",
    'deep/name.ts': "import { part } from './part.ts'\nexport const name = 'shop-' + part",
    'deep/part.ts': 'export const part = 1',
    'node_modules/kept/package.json': '{"name":"kept","type":"module","exports":"./index.js"}',
    'node_modules/kept/index.js': 'export const token = {}',
  })
  const file = join(folder, 'millrace.config.ts')
  const reloader = configReloader(file)
  context.after(() => reloader.close())
  assert.deepEqual((await reloader.load()).config, { name: 'shop-1', size: 1 })
  await writeFile(join(folder, 'deep/part.ts'), 'export const part = 2')
  assert.deepEqual((await reloader.load()).config, { name: 'shop-2', size: 1 })
  await writeFile(file, "import { token } from 'kept'\nexport default { token }")
  const once = await reloader.load()
  const twice = await reloader.load()
  assert.notEqual(once.config, twice.config)
  assert.equal((once.config as { token: object }).token, (twice.config as { token: object }).token)
})

test('a file that is broken when loaded again leaves what was loaded before, and a mended one is taken', async context => {
  const folder = await folderWith(context, { 'c.ts': 'export default { size: 1 }' })
  const file = join(folder, 'c.ts')
  const reloader = configReloader(file)
  context.after(() => reloader.close())
  const before = await reloader.load()
  await writeFile(file, 'export default {')
  await assert.rejects(reloader.load(), { code: 'CONFIG_INVALID' })
  assert.deepEqual(before.config, { size: 1 })
  await writeFile(file, 'export default { size: 3 }')
  assert.deepEqual((await reloader.load()).config, { size: 3 })
})
