import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { freePort } from '../support/brokers/ports.ts'
import { startNode } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'

test('the webhooks example says what its expected output and its README say, and again when it is run again', {
  timeout: 60_000,
}, async context => {
  const WEBHOOKS_STATE = await temporaryFolder(context)
  const expected = readFileSync('examples/webhooks/expected.txt', 'utf8')
  for (let run = 0; run < 2; run += 1) {
    const env = { ...process.env, WEBHOOKS_STATE, WEBHOOKS_PORT: String(await freePort()) }
    const example = startNode(context, ['examples/webhooks/main.ts'], { env })
    assert.deepEqual(await example.ended, { code: 0, signal: null }, example.output() + example.errors())
    assert.equal(example.output(), expected)
  }
  assert.ok(readFileSync('examples/webhooks/README.md', 'utf8').includes(`\`\`\`text\n${expected}\`\`\``))
})
