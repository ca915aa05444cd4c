import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { sharedBroker } from '../support/brokers/shared.ts'
import { startNode } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'

const rabbitmq = sharedBroker('rabbitmq')

test('the thumbnails example says what its expected output and its README say, and again when it is run again', {
  skip: rabbitmq.missing,
  timeout: 120_000,
}, async context => {
  const RABBITMQ_URL = (await rabbitmq.address()).url
  const THUMBNAILS_STATE = await temporaryFolder(context)
  const expected = readFileSync('examples/rabbitmq-thumbnails/expected.txt', 'utf8')
  for (let run = 0; run < 2; run += 1) {
    const env = { ...process.env, RABBITMQ_URL, THUMBNAILS_STATE }
    const example = startNode(context, ['examples/rabbitmq-thumbnails/main.ts'], { env })
    assert.deepEqual(await example.ended, { code: 0, signal: null }, example.output() + example.errors())
    assert.equal(example.output(), expected)
  }
  const readme = readFileSync('examples/rabbitmq-thumbnails/README.md', 'utf8')
  assert.ok(readme.includes(`\`\`\`text\n${expected}\`\`\``))
})
