import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { compileFilter } from '../../core/filter/index.ts'
import { startNode } from '../support/child.ts'
import { ROOT, readersProject } from './reader.ts'

const page = await readFile(join(ROOT, 'docs/filters.md'), 'utf8')

test('every value in the table of docs/filters.md is one', () => {
  const table = page.slice(page.indexOf('## What may stand'), page.indexOf('`$or` is a list'))
  const rows = table.split('\n').filter(line => /^\| `/.test(line))
  const written = rows.flatMap(row => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, code]) => code))
  assert.ok(written.length >= 13)
  for (const code of written) {
    const value: unknown = new Function(`return (${code})`)()
    assert.doesNotThrow(() => compileFilter({ field: [value] }), code)
  }
})

test('the code in docs/filters.md runs', { timeout: 180_000 }, async context => {
  const folder = await readersProject(context, page)
  for (const name of ['review', 'refund'])
    await writeFile(join(folder, `${name}.ts`), 'export const handler = () => {}')
  await writeFile(
    join(folder, 'main.ts'),
    `import { createApp } from 'millrace'
     import config from './filters.config.ts'
     createApp(config, { configFile: import.meta.dirname + '/filters.config.ts' })
     await import('./filter.ts')`,
  )
  const child = startNode(context, [join(folder, 'main.ts')])
  assert.equal((await child.ended).code, 0, child.errors())
  assert.match(child.output(), /✗ data\.total: >= 1000; got 5/)
})
