/** What docs/dead-letters.md shows is a configuration, and what it promises of the schema is there. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { resolveConfig } from '../../core/app.ts'
import { ROOT, readersFolder } from './reader.ts'

const page = await readFile(join(ROOT, 'docs/dead-letters.md'), 'utf8')

test('the configurations are right, with the options that the page speaks of', async context => {
  const folder = await readersFolder(context)
  const blocks = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code)
  assert.ok(blocks.length > 0)
  for (const [index, code] of blocks.entries()) {
    const file = join(folder, `${index}.config.ts`)
    await writeFile(file, code)
    const { default: config } = await import(pathToFileURL(file).href)
    assert.equal(resolveConfig(config, folder).name, 'shop')
  }
})

test('the schema is published under the name that the page says', async () => {
  const { default: schema } = await import('millrace/dead-letter.schema.json', { with: { type: 'json' } })
  assert.equal(schema.title, 'Millrace dead letter, version 1')
})
