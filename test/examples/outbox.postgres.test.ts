import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { freshDatabase } from '../support/brokers/database.ts'
import { sharedBroker } from '../support/brokers/shared.ts'
import { startNode } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'

const postgres = sharedBroker('postgres')

test('the outbox example says what its expected output and its README say, and again when it is run again', {
  skip: postgres.missing,
  timeout: 120_000,
}, async context => {
  const DATABASE_URL = await freshDatabase(context, await postgres.address())
  const OUTBOX_STATE = await temporaryFolder(context)
  const expected = readFileSync('examples/outbox/expected.txt', 'utf8')
  for (let run = 0; run < 2; run += 1) {
    const env = { ...process.env, DATABASE_URL, OUTBOX_STATE }
    const example = startNode(context, ['examples/outbox/main.ts'], { env })
    assert.deepEqual(await example.ended, { code: 0, signal: null }, example.output() + example.errors())
    assert.equal(example.output(), expected)
  }
  assert.ok(readFileSync('examples/outbox/README.md', 'utf8').includes(`\`\`\`text\n${expected}\`\`\``))
})
