import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { Redis } from 'ioredis'
import { sharedBroker } from '../support/brokers/shared.ts'
import { startNode } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'

const redis = sharedBroker('redis')
/** Of a server that others use as well, a database of its own. */
const DATABASE = 7

test('the clickstream example says what its expected output and its README say', {
  skip: redis.missing,
}, async context => {
  const url = `${(await redis.address()).url}/${DATABASE}`
  const raw = new Redis(url)
  await raw.flushdb()
  raw.disconnect()
  const env = { ...process.env, REDIS_URL: url, CLICKS_STATE: await temporaryFolder(context) }
  const example = startNode(context, ['examples/redis-clickstream/main.ts'], { env })
  assert.deepEqual(await example.ended, { code: 0, signal: null }, example.output() + example.errors())
  const expected = await readFile('examples/redis-clickstream/expected.txt', 'utf8')
  assert.equal(example.output(), expected)
  assert.ok((await readFile('examples/redis-clickstream/README.md', 'utf8')).includes(`\`\`\`text\n${expected}\`\`\``))
})
