import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { startNode } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'

test('the nightly report example says what its expected output and its README say, and again when it is run again', {
  timeout: 60_000,
}, async context => {
  const REPORT_STATE = await temporaryFolder(context)
  const expected = readFileSync('examples/nightly-report/expected.txt', 'utf8')
  for (let run = 0; run < 2; run += 1) {
    const env = { ...process.env, REPORT_STATE }
    const example = startNode(context, ['examples/nightly-report/main.ts'], { env })
    assert.deepEqual(await example.ended, { code: 0, signal: null }, example.output() + example.errors())
    assert.equal(example.output(), expected)
  }
  assert.ok(readFileSync('examples/nightly-report/README.md', 'utf8').includes(`\`\`\`text\n${expected}\`\`\``))
})
