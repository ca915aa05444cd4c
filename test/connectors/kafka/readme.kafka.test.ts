import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeTopic, plainKafka } from '../../support/brokers/kafka-client.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { startNode } from '../../support/child.ts'
import { until } from '../../support/until.ts'

const kafka = sharedBroker('kafka')
const ROOT = join(import.meta.dirname, '../../..')

/** A project of the README's code blocks; below the repository, so that `millrace` is found as a dependency would be. */
const readersProject = async (context: TestContext): Promise<string> => {
  const readme = await readFile(join(ROOT, 'connectors/kafka/README.md'), 'utf8')
  const folder = await mkdtemp(join(ROOT, 'test/connectors/kafka/reader-'))
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  for (const [, file = '', code = ''] of readme.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g))
    await writeFile(join(folder, file), code)
  return folder
}

test('the example of the README waits for its topic, charges, and parks what it says', {
  skip: kafka.missing,
}, async context => {
  const folder = await readersProject(context)
  const { url: brokers } = await kafka.address()
  const options = { cwd: folder, env: { ...process.env, KAFKA_BROKERS: brokers } }
  const millrace = (...args: readonly string[]) =>
    startNode(context, [join(ROOT, 'core/cli/main.ts'), ...args], options)
  const admin = plainKafka(brokers).admin()
  await admin.connect()
  const app = millrace('start', '--plain')
  await app.line(/does not exist; create it/)
  await makeTopic(admin, { topic: 'orders' })
  await admin.disconnect()
  for (const order of ['{"id":"a-1","total":5}', '{"id":"a-2","total":-1}']) {
    const send = millrace('send', 'shop/orders', order, '--key', 'customer-1')
    assert.equal((await send.ended).code, 0, send.errors())
  }
  await app.line(/charged a-1 of customer-1 at offset 0/)
  const listed = async (): Promise<string> => {
    const list = millrace('dlq', 'list')
    await list.ended
    return list.output()
  }
  await until('the second is a dead letter', async () => /negative total/.test(await listed()))
  app.kill('SIGTERM')
  assert.deepEqual(await app.ended, { code: 0, signal: null })
  assert.doesNotMatch(app.output().split('stopping:')[1] ?? '', /warn/, 'a clean stop leaves nothing in the log')
  assert.equal(app.errors(), '', 'nothing but the log, which is on stdout')
})
