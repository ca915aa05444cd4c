import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Redis } from 'ioredis'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { startNode } from '../../support/child.ts'
import { until } from '../../support/until.ts'

const redis = sharedBroker('redis')
const ROOT = join(import.meta.dirname, '../../..')
/** Of a server that others use as well, a database of its own. What is published knows no databases. */
const DATABASE = 8

/** A project of the README's code blocks; below the repository, so that `millrace` is found as a dependency would be. */
const readersProject = async (context: TestContext): Promise<string> => {
  const readme = await readFile(join(ROOT, 'connectors/redis/README.md'), 'utf8')
  const folder = await mkdtemp(join(ROOT, 'test/connectors/redis/reader-'))
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  for (const [, file = '', code = ''] of readme.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g))
    await writeFile(join(folder, file), code)
  return folder
}

test('the example of the README counts, mails and hears, and parks what it says', {
  skip: redis.missing,
}, async context => {
  const folder = await readersProject(context)
  const url = `${(await redis.address()).url}/${DATABASE}`
  const options = { cwd: folder, env: { ...process.env, REDIS_URL: url } }
  const millrace = (...args: readonly string[]) =>
    startNode(context, [join(ROOT, 'core/cli/main.ts'), ...args], options)
  const raw = new Redis(url)
  await raw.flushdb()
  const app = millrace('start', '--plain')
  await app.line(/shop is running/)
  for (const click of ['{"page":"/home"}', '{"page":""}']) {
    const send = millrace('send', 'shop/clicks', click)
    assert.equal((await send.ended).code, 0, send.errors())
  }
  await raw.lpush('mails', '{"to":"ann@example.com"}')
  await raw.publish('prices.tea', '{"sku":"tea","cents":350}')
  raw.disconnect()
  await app.line(/counted \/home at clicks/)
  await app.line(/mailed ann@example.com/)
  await app.line(/tea is 350 now/)
  const listed = async (): Promise<string> => {
    const list = millrace('dlq', 'list')
    await list.ended
    return list.output()
  }
  await until('the second click is a dead letter', async () => /a click on nothing/.test(await listed()))
  app.kill('SIGTERM')
  assert.deepEqual(await app.ended, { code: 0, signal: null })
})
