import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { codeBeside, launcherFor } from '../../../../core/engine/one-file/launch.ts'
import { linkModules, reachedFrom } from '../../../../core/engine/one-file/link.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { harness, outcomeAs } from '../harness.ts'

const link = (modules: Readonly<Record<string, string>>): string =>
  linkModules(reachedFrom('/m/entry.js', path => modules[path.slice('/m/'.length)] ?? ''))

test('modules as one file do what they did apart, each made once and when it is first asked for', async context => {
  const linked = link({
    'entry.js': `import { join, sep } from 'node:path'
import * as words from './words.js'
import {
  count as counted,
} from './lib/count.js'
export const shown = []
shown.push(join('a', 'b') === 'a' + sep + 'b', words.hello, counted())
import('./late.js').then(({ late }) => {
  shown.push(late(), import.meta.url)
  return import(['node', 'path'].join(':'))
}).then(({ sep: found }) => {
  shown.push(found === sep)
  process.stdout.write(JSON.stringify(shown))
})
`,
    'words.js': "export const hello = 'hello'\nexport function unused() {}\n",
    'lib/count.js': "import '../words.js'\nlet made = 0\nexport const count = () => (made += 1)\n",
    'late.js':
      "import { count } from './lib/count.js'\nexport async function late_() {}\nexport const late = () => count()\n",
  })
  const file = join(await temporaryFolder(context), 'one.cjs')
  await writeFile(file, `(${linked})(require, url => import(url), '/m')`)
  const { stdout } = await promisify(execFile)(process.execPath, [file])
  assert.equal(stdout, '[true,"hello",1,2,"file:///m/entry.js",true]')
})

for (const [what, text] of [
  ['a default export', 'export default 1'],
  ['a default import', "import x from './x.js'"],
  ['a package', "import { z } from 'zod'"],
  ['an export of everything', "export * from './x.js'"],
  ['an await of the module itself', 'await 1'],
  ['import.meta as a whole', 'const { url } = import.meta'],
  ['another member of import.meta', 'const here = import.meta.dirname'],
] as const)
  test(`${what} is refused by name rather than left out`, () => {
    assert.throws(() => link({ 'entry.js': `${text}\n` }), { name: 'SyntaxError', message: /^\/m\/entry\.js/ })
  })

/** What was loaded by `require`, which an environment does with its runtime. */
const REQUIRED = `import { createRequire } from 'node:module'
export const handler = () => Object.keys(createRequire(import.meta.url).cache)`

/** A launcher and its modules, of which the first is given; answers what it prints. */
const launched = async (folder: string, entry: string): Promise<string> => {
  const launcher = join(folder, 'one.cjs')
  const code = link({ 'entry.js': entry })
  await writeFile(launcher, launcherFor(code, '"/m"'))
  await writeFile(codeBeside(launcher), code)
  const env = { NODE_COMPILE_CACHE: join(folder, 'cache') }
  return (await promisify(execFile)(process.execPath, [launcher], { env })).stdout
}

test('a launcher takes the code that an earlier start has compiled', async context => {
  const folder = await temporaryFolder(context)
  const entry = `const called = () => ['…', import.meta.url]
export const afterInit = []
process.stdout.write(JSON.stringify([called(), afterInit.length]))
setImmediate(() => process.stdout.write(String(afterInit.length)))
setTimeout(() => afterInit.forEach(run => run()), 1)
`
  assert.equal(
    await launched(folder, entry),
    '[["…","file:///m/entry.js"],0]1',
    'nothing is there yet, so it is kept after Init',
  )
  assert.equal(await launched(folder, entry), '[["…","file:///m/entry.js"],0]0', 'what is there was taken')
})

test('what was compiled of other modules is not taken, be they ever so alike', async context => {
  const folder = await temporaryFolder(context)
  const saying = (word: string): string => `const say = () => '${word}'
export const afterInit = []
process.stdout.write(say())
setTimeout(() => afterInit.forEach(run => run()), 1)
`
  assert.equal(await launched(folder, saying('one')), 'one')
  assert.equal(await launched(folder, saying('two')), 'two')
})

for (const [isolation, runtime] of [
  ['process', 'child'],
  ['thread', 'worker'],
] as const)
  test(`${isolation}: an environment starts from one file`, async context => {
    const { run } = await harness(context, { f: { source: REQUIRED, isolation } })
    const [file, ...others] = outcomeAs(await run('f'), 'answered').value as string[]
    assert.match(file ?? '', new RegExp(`/${runtime}-[0-9a-f]{16}\\.cjs$`))
    assert.deepEqual(others, [])
  })
