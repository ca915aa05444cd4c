import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { startNode } from '../../support/child.ts'
import { until } from '../../support/until.ts'

const rabbitmq = sharedBroker('rabbitmq')
const ROOT = join(import.meta.dirname, '../../..')

/** A project of the README's code blocks; below the repository, so that `millrace` is found as a dependency would be. */
const readersProject = async (context: TestContext): Promise<string> => {
  const readme = await readFile(join(ROOT, 'connectors/rabbitmq/README.md'), 'utf8')
  const folder = await mkdtemp(join(ROOT, 'test/connectors/rabbitmq/reader-'))
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  for (const [, file = '', code = ''] of readme.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g))
    await writeFile(join(folder, file), code)
  return folder
}

test('the example of the README charges, mails, and parks what it says', {
  skip: rabbitmq.missing,
}, async context => {
  const folder = await readersProject(context)
  const { url } = await rabbitmq.address()
  const options = { cwd: folder, env: { ...process.env, RABBITMQ_URL: url } }
  const millrace = (...args: readonly string[]) =>
    startNode(context, [join(ROOT, 'core/cli/main.ts'), ...args], options)
  const app = millrace('start', '--plain')
  await app.line(/shop is running/)
  for (const order of ['{"id":"a-1","total":5,"mail":"ann@example.com"}', '{"id":"a-2","total":-1,"mail":"-"}']) {
    const send = millrace('send', 'shop/exchange/orders', order, '--key', 'order.placed.eu')
    assert.equal((await send.ended).code, 0, send.errors())
  }
  await app.line(/charged a-1, which came as order\.placed\.eu/)
  await app.line(/mailed ann@example\.com: 5 for a-1/)
  const listed = async (): Promise<string> => {
    const list = millrace('dlq', 'list')
    await list.ended
    return list.output()
  }
  await until('the second order is a dead letter', async () => /negative total/.test(await listed()))
  app.kill('SIGTERM')
  assert.deepEqual(await app.ended, { code: 0, signal: null })
})
