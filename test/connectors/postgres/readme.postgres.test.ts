import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { freshDatabase } from '../../support/brokers/database.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { startNode } from '../../support/child.ts'
import { rawClient } from './opened.ts'

const server = sharedBroker('postgres')
const ROOT = join(import.meta.dirname, '../../..')

/** A project of the README's code blocks; below the repository, so that `millrace` is found as a dependency would be. */
const readersProject = async (context: TestContext, readme: string): Promise<string> => {
  const folder = await mkdtemp(join(ROOT, 'test/connectors/postgres/reader-'))
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  for (const [, file = '', code = ''] of readme.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g))
    await writeFile(join(folder, file), code)
  return folder
}

test('the example of the README gets what is written by SQL, by outboxInsert and by send, and the table it prints will do', {
  skip: server.missing,
}, async context => {
  const readme = await readFile(join(ROOT, 'connectors/postgres/README.md'), 'utf8')
  const url = await freshDatabase(context, await server.address())
  const cwd = await readersProject(context, readme)
  const env = { ...process.env, DATABASE_URL: url }
  const millrace = (...args: readonly string[]) =>
    startNode(context, [join(ROOT, 'core/cli/main.ts'), ...args], { cwd, env })
  const raw = await rawClient(context, url)
  const printed = millrace('outbox', 'shop/outbox')
  assert.equal((await printed.ended).code, 0, printed.errors())
  assert.ok(readme.includes(printed.output()))
  await raw.query(printed.output())
  const app = millrace('start', '--plain')
  await app.line(/shop is running/)
  const [, sql = ''] = /```sql\n(BEGIN[\s\S]*?)```/.exec(readme) ?? []
  await raw.query('CREATE TABLE orders (id text, paid boolean)')
  await raw.query(sql)
  const pay = startNode(context, ['pay.ts'], { cwd, env })
  assert.equal((await pay.ended).code, 0, pay.errors())
  const send = millrace('send', 'shop/outbox', '{"order":"order-3","happened":"placed"}')
  assert.equal((await send.ended).code, 0, send.errors())
  await app.line(/order-1 was paid \(row-1\)/)
  await app.line(/order-2 was paid \(row-2\)/)
  await app.line(/order-3 was placed/)
  app.kill('SIGTERM')
  assert.equal((await app.ended).code, 0)
  assert.deepEqual((await raw.query('SELECT 1 FROM outbox')).rows, [])
  const unknown = millrace('outbox', 'orders')
  await unknown.ended
  assert.match(unknown.errors(), /there is no outbox "orders"; there are: shop\/outbox/)
})
