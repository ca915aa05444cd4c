import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { linkModules, reachedFrom } from '../../../../core/engine/one-file/link.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { harness, outcomeAs } from '../harness.ts'

const link = (modules: Readonly<Record<string, string>>): string =>
  linkModules(
    reachedFrom('/m/entry.js', path => modules[path.slice('/m/'.length)] ?? ''),
    '"/m"',
  )

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
  process.stdout.write(JSON.stringify(shown))
})
`,
    'words.js': "export const hello = 'hello'\nexport function unused() {}\n",
    'lib/count.js': "import '../words.js'\nlet made = 0\nexport const count = () => (made += 1)\n",
    'late.js':
      "import { count } from './lib/count.js'\nexport async function late_() {}\nexport const late = () => count()\n",
  })
  const file = join(await temporaryFolder(context), 'one.cjs')
  await writeFile(file, linked)
  const { stdout } = await promisify(execFile)(process.execPath, [file])
  assert.equal(stdout, '[true,"hello",1,2,"file:///m/entry.js"]')
})

for (const [what, text] of [
  ['a default export', 'export default 1'],
  ['a default import', "import x from './x.js'"],
  ['a package', "import { z } from 'zod'"],
  ['an export of everything', "export * from './x.js'"],
  ['an await of the module itself', 'await 1'],
  ['another member of import.meta', 'const here = import.meta.dirname'],
] as const)
  test(`${what} is refused by name rather than left out`, () => {
    assert.throws(() => link({ 'entry.js': `${text}\n` }), { name: 'SyntaxError', message: /^\/m\/entry\.js/ })
  })

/** What was loaded by `require`, which an environment does with its runtime. */
const REQUIRED = `import { createRequire } from 'node:module'
export const handler = () => Object.keys(createRequire(import.meta.url).cache)`

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
