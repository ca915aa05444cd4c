import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '../../..')

/** `file` is below this folder, or below test/ where it names one. */
const fileOf = (file: string): string =>
  [join(import.meta.dirname, `${file}.test.ts`), join(ROOT, 'test', `${file}.test.ts`)].find(existsSync) ?? ''

test('each trap of the README has the test that it names', () => {
  const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
  const rows = [...readme.matchAll(/^\| .* \| `(\S+)`: (.*) \|$/gm)]
  assert.ok(rows.length > 40)
  const missing = rows.filter(([, file = '', name = '']) => {
    const path = fileOf(file)
    return path === '' || !readFileSync(path, 'utf8').includes(name)
  })
  assert.deepEqual(
    missing.map(([row]) => row),
    [],
  )
})
