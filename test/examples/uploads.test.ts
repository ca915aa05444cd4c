import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startNode } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'

test('the uploads example says what its expected output and its README say, and again when it is run again', {
  timeout: 60_000,
}, async context => {
  const UPLOADS = join(await temporaryFolder(context), 'uploads')
  const expected = readFileSync('examples/uploads/expected.txt', 'utf8')
  for (let run = 0; run < 2; run += 1) {
    const example = startNode(context, ['examples/uploads/main.ts'], { env: { ...process.env, UPLOADS } })
    assert.deepEqual(await example.ended, { code: 0, signal: null }, example.output() + example.errors())
    assert.equal(example.output(), expected)
  }
  assert.ok(readFileSync('examples/uploads/README.md', 'utf8').includes(`\`\`\`text\n${expected}\`\`\``))
})
