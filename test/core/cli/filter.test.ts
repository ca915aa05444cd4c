import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../support/folder.ts'
import { millrace } from '../../support/terminal.ts'

test('filter test says whether an event matches, and why', async context => {
  const cwd = await temporaryFolder(context)
  const write = (name: string, value: unknown) => writeFile(join(cwd, name), JSON.stringify(value))
  await write('p.json', { data: { state: ['paid'], total: [{ numeric: ['>', 100] }] } })
  await write('small.json', { data: { state: 'paid', total: 5 } })
  await write('large.json', { data: { state: 'paid', total: 500 } })
  const run = (pattern: string, event: string, ...more: readonly string[]) =>
    millrace(['filter', 'test', '--pattern', pattern, '--event', event, ...more], { cwd })
  assert.deepEqual(await run('p.json', 'small.json'), {
    code: 1,
    out: 'does not match\n✓ data.state: "paid"; got "paid"\n✗ data.total: > 100; got 5\n',
    err: '',
  })
  assert.equal((await run('p.json', 'large.json')).code, 0)
  assert.equal(JSON.parse((await run('p.json', 'large.json', '--json')).out).matches, true)
  await write('wrong.json', { data: { state: 'paid' } })
  const wrong = await run('wrong.json', 'small.json')
  assert.equal(wrong.code, 2)
  assert.match(wrong.err, /the pattern data\.state must be a list of values, or an object of fields, got "paid"/)
  await writeFile(join(cwd, 'half.json'), '{')
  assert.match((await run('half.json', 'small.json')).err, /half\.json must be JSON: .*\(CLI_USAGE\)/)
  assert.match((await run('nope.json', 'small.json')).err, /the input cannot be read: ENOENT/)
})
