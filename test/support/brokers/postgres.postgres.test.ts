import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Client } from 'pg'
import { makeCertificates } from '../certificates.ts'
import { temporaryFolder } from '../folder.ts'
import { freshDatabase } from './database.ts'
import { startPostgres } from './postgres.ts'
import { sharedBroker } from './shared.ts'

const postgres = sharedBroker('postgres')

const connected = async (context: TestContext, url: string, more: ClientOptions = {}): Promise<Client> => {
  const client = new Client({ connectionString: url, ...more })
  client.on('error', () => {})
  await client.connect()
  context.after(() => client.end())
  return client
}

type ClientOptions = ConstructorParameters<typeof Client>[0] & object

test('a test has a database of its own, which is gone afterwards', { skip: postgres.missing }, async context => {
  const address = await postgres.address()
  const ends: (() => Promise<void>)[] = []
  const url = await freshDatabase({ after: end => void ends.push(end) }, address)
  const client = await connected(context, url)
  await client.query('CREATE TABLE things (name text)')
  await Promise.all(ends.map(end => end()))
  const other = await connected(context, address.url)
  const { rows } = await other.query('SELECT 1 FROM pg_database WHERE datname = $1', [new URL(url).pathname.slice(1)])
  assert.deepEqual(rows, [])
})

test('what was confirmed outlives a SIGKILL of all its processes', { skip: postgres.missingOwn }, async context => {
  const broker = await postgres.own()
  const client = await connected(context, broker.url)
  await client.query('CREATE TABLE durable (name text)')
  await client.query("INSERT INTO durable VALUES ('one')")
  await broker.restart('SIGKILL')
  const again = await connected(context, broker.url)
  assert.deepEqual((await again.query('SELECT name FROM durable')).rows, [{ name: 'one' }])
})

test('an orderly restart does not wait for clients', { skip: postgres.missingOwn }, async context => {
  const broker = await postgres.own()
  const client = await connected(context, broker.url)
  await broker.restart('clean')
  await assert.rejects(client.query('SELECT 1'))
  await (await connected(context, broker.url)).query('SELECT 1')
})

test('a paused one answers nothing, and goes on when it is continued', { skip: postgres.missingOwn }, async context => {
  const broker = await postgres.own()
  const client = await connected(context, broker.url)
  broker.pause()
  let answered = false
  const answer = client.query('SELECT 1').then(() => {
    answered = true
  })
  for (let times = 0; times < 5; times += 1)
    await once(connect(Number(new URL(broker.url).port), '127.0.0.1'), 'connect')
  assert.equal(answered, false, 'the kernel takes connections for it, but it says nothing')
  broker.continue()
  await answer
})

test('a password is asked for, and TLS spoken, when it has them', { skip: postgres.missingOwn }, async context => {
  const { ca, server } = await makeCertificates(await temporaryFolder(context))
  const { url } = await startPostgres(context, { password: 'open-sesame', encryption: server })
  await (await connected(context, url, { ssl: { ca } })).query('SELECT 1')
  await assert.rejects(connected(context, url), /no pg_hba.conf entry/)
  await assert.rejects(connected(context, url.replace(':open-sesame', ':x'), { ssl: { ca } }), /password/)
})
