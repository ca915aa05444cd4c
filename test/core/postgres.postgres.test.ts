import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { MillraceError } from '../../core/errors.ts'
import { silentLog } from '../../core/log.ts'
import { openPostgres, type Postgres, type PostgresOptions } from '../../core/postgres.ts'
import { postgresError, sqlState } from '../../core/postgres-failure.ts'
import { freshDatabase } from '../support/brokers/database.ts'
import { startPostgres } from '../support/brokers/postgres.ts'
import { sharedBroker } from '../support/brokers/shared.ts'
import { makeCertificates } from '../support/certificates.ts'
import { temporaryFolder } from '../support/folder.ts'
import { until } from '../support/until.ts'

const server = sharedBroker('postgres')

const opened = async (context: TestContext, options?: PostgresOptions): Promise<Postgres> => {
  const postgres = await openPostgres(
    'main',
    options ?? { url: await freshDatabase(context, await server.address()) },
    { log: silentLog },
  )
  context.after(() => postgres.close())
  return postgres
}

test('a transaction is committed when it resolves and rolled back when it rejects', {
  skip: server.missing,
}, async context => {
  const postgres = await opened(context)
  await postgres.query('CREATE TABLE things (name text UNIQUE)')
  const { count } = await postgres.transaction(({ query }) => query('INSERT INTO things VALUES ($1)', ['kept']))
  assert.equal(count, 1)
  const failed = postgres.transaction(async ({ query }) => {
    await query('INSERT INTO things VALUES ($1)', ['gone'])
    await query('INSERT INTO things VALUES ($1)', ['kept'])
  })
  await assert.rejects(failed, error => sqlState(error) === '23505')
  const { rows } = await postgres.query<{ name: string }>('SELECT name FROM things')
  assert.deepEqual(rows, [{ name: 'kept' }])
})

test('a transaction whose connection broke is no transaction, and the next query has another connection', {
  skip: server.missing,
}, async context => {
  const postgres = await opened(context, {
    url: await freshDatabase(context, await server.address()),
    maxConnections: 1,
  })
  await postgres.query('CREATE TABLE things (name text)')
  const broken = postgres.transaction(async ({ query }) => {
    await query("INSERT INTO things VALUES ('gone')")
    await query('SELECT pg_terminate_backend(pg_backend_pid())')
  })
  await assert.rejects(broken, error => postgresError('SOURCE_FAILED', 'reading', error).fatal === false)
  assert.equal((await postgres.query('SELECT * FROM things')).count, 0)
})

test('it comes back by itself after a kill -9 of the server', { skip: server.missingOwn }, async context => {
  const postgres = await opened(context)
  await postgres.query('SELECT 1')
  const broker = await server.own()
  await broker.kill('SIGKILL')
  const error = await postgres.query('SELECT 1').catch(thrown => postgresError('SETTLE_FAILED', 'settling', thrown))
  assert.ok(error instanceof MillraceError)
  assert.match(error.message, /^settling: .*PostgreSQL cannot be reached/)
  await broker.restart('SIGKILL')
  await until('it answers', () =>
    postgres.query('SELECT 1').then(
      () => true,
      () => false,
    ),
  )
})

test('a session hears what it listens to, and tells when its connection broke', {
  skip: server.missing,
}, async context => {
  const postgres = await opened(context)
  let ends = 0
  const session = await postgres.connect(() => {
    ends += 1
  })
  const heard: string[] = []
  session.onNotification((channel, payload) => heard.push(`${channel}: ${payload}`))
  await session.query('LISTEN news')
  await postgres.query("NOTIFY news, 'one'")
  await until('it is heard', () => heard.length > 0)
  assert.deepEqual(heard, ['news: one'])
  await session.query('SELECT pg_terminate_backend(pg_backend_pid())').catch(() => {})
  await until('the end is told', () => ends === 1)
  await session.close()
})

test('what the server refuses for good is fatal and says what to do', { skip: server.missingOwn }, async context => {
  const certificates = await makeCertificates(await temporaryFolder(context))
  const { url } = await startPostgres(context, { password: 'open-sesame', encryption: certificates.server })
  const tls = { ca: certificates.ca }
  const refusal = async (options: PostgresOptions) => {
    const postgres = await opened(context, options)
    const thrown = await postgres.query('SELECT * FROM nothing').catch(error => error)
    const { code, fatal, message } = postgresError('SOURCE_FAILED', 'reading', thrown)
    return { code, fatal, advice: message.split('; ').slice(1).join('; ') }
  }
  const fatal = { code: 'SOURCE_FATAL', fatal: true }
  const notIn = 'PostgreSQL does not let this user in; check user, password, tls and pg_hba.conf'
  assert.deepEqual(await refusal({ url: url.replace('open-sesame', 'wrong'), tls }), { ...fatal, advice: notIn })
  assert.deepEqual(await refusal({ url }), { ...fatal, advice: notIn })
  assert.deepEqual(await refusal({ url: url.replace(/\/postgres$/, '/none'), tls }), {
    ...fatal,
    advice: 'there is no such database; check url, or CREATE DATABASE',
  })
  assert.deepEqual(await refusal({ url, tls }), { ...fatal, advice: 'the table is not what Millrace needs' })
  const untrusted = await refusal({ url, tls: true })
  assert.equal(untrusted.fatal, false)
  assert.match(untrusted.advice, /TLS could not be agreed on; check tls$/)
})

test('an address that is none is refused without being shown', async () => {
  await assert.rejects(
    openPostgres('main', { url: 'mysql://ada:secret@host/shop' }, { log: silentLog }),
    (error: MillraceError) => {
      assert.match(error.message, /^connections\.main\.url must be like 'postgres:\/\//)
      assert.doesNotMatch(error.message, /secret/)
      return error.code === 'CONFIG_INVALID'
    },
  )
})
