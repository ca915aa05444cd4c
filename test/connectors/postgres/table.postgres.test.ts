import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { outboxDdl, outboxTable } from '../../../connectors/postgres/table.ts'
import type { MillraceError } from '../../../core/errors.ts'
import { silentLog } from '../../../core/log.ts'
import { openPostgres } from '../../../core/postgres.ts'
import { accept, bodies, request, take } from '../../../core/testing/contract/reading.ts'
import { freshDatabase } from '../../support/brokers/database.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { connectionTo, openTestOutbox, outboxRef, READ, rawClient } from './opened.ts'

const server = sharedBroker('postgres')
const options = { skip: server.missing }

const refusal = async (opening: Promise<unknown>): Promise<MillraceError> => {
  const error = await opening.then(
    () => assert.fail('it was opened'),
    (thrown: MillraceError) => thrown,
  )
  assert.deepEqual([error.code, error.fatal], ['SOURCE_FATAL', true])
  return error
}

const newRole = (): string => `reader_${randomUUID().replaceAll('-', '')}`

test('a table that is not there is fatal, and the statements that make it are in the error', options, async context => {
  const url = await freshDatabase(context, await server.address())
  const connection = await connectionTo(context, { url })
  const channel = outboxRef('shop.events', { createTable: false })
  const { message } = await refusal(connection.openSource(channel, READ))
  assert.match(message, /^opening shop\/shop\.events: there is no table shop\.events; run what 'millrace outbox shop\//)
  const raw = await rawClient(context, url)
  await raw.query('CREATE SCHEMA shop')
  await raw.query(message.slice(message.indexOf('CREATE TABLE')))
  await raw.query(`INSERT INTO shop.events (data) VALUES ('{"a": 1}')`)
  const source = await connection.openSource(channel, READ)
  assert.deepEqual(bodies(await source.poll(request({ waitMs: 5_000 }))), ['{"a": 1}'])
  const sink = await connection.openSink(outboxRef('none', { createTable: false }))
  const [outcome] = await sink.send([{ body: null }])
  assert.deepEqual([outcome?.code, outcome?.fatal], ['SEND_FAILED', false])
  assert.match(outcome?.message ?? '', /there is no table none/)
})

test('a table of somebody else says which columns it needs, and is an outbox with them', options, async context => {
  const url = await freshDatabase(context, await server.address())
  const raw = await rawClient(context, url)
  await raw.query(
    'CREATE TABLE mine (id bigint PRIMARY KEY, key text, data jsonb, created_at timestamptz DEFAULT now())',
  )
  const connection = await connectionTo(context, { url })
  const channel = outboxRef('mine', { createTable: false })
  const { message } = await refusal(connection.openSource(channel, READ))
  await raw.query(message.slice(message.indexOf('ALTER TABLE')))
  await raw.query(`INSERT INTO mine VALUES (7, 'k', '"hello"')`)
  const source = await connection.openSource(channel, READ)
  const [delivery] = await source.poll(request({ waitMs: 5_000 }))
  assert.deepEqual(delivery?.record.position, { table: 'mine', row: 7 })
})

test('a user who may not do what is needed is told what to grant', options, async context => {
  const url = await freshDatabase(context, await server.address())
  const raw = await rawClient(context, url)
  const role = newRole()
  // After the database, in which it has rights.
  context.after(async () => {
    const other = await rawClient(context, (await server.address()).url)
    await other.query(`DROP ROLE ${role}`)
  })
  await raw.query(`CREATE ROLE ${role} LOGIN; ${outboxDdl(outboxTable('events'))}; GRANT SELECT ON events TO ${role}`)
  const connection = await connectionTo(context, { url: url.replace('postgres@', `${role}@`) })
  const { message } = await refusal(connection.openSource(outboxRef('events'), READ))
  const grant = `GRANT UPDATE, DELETE ON "events" TO "${role}"`
  assert.ok(message.endsWith(grant), message)
  await raw.query(grant)
  await (await connection.openSource(outboxRef('events'), READ)).close()
  const { message: creating } = await refusal(connection.openSource(outboxRef('another'), READ))
  assert.match(creating, /this user may not create another; have somebody run it who may:\nCREATE TABLE/)
})

test('rights that are taken away while it reads end the mapping', options, async context => {
  const address = await server.address()
  const outbox = await openTestOutbox(context, address)
  const role = newRole()
  await outbox.raw.query(`CREATE ROLE ${role} LOGIN; GRANT ALL ON ${outbox.table} TO ${role}`)
  const connection = await connectionTo(context, { url: address.url.replace('postgres@', `${role}@`) })
  const source = await connection.openSource(outbox.channel, READ)
  await outbox.raw.query(`DROP OWNED BY ${role}`)
  const { message } = await refusal(source.poll(request({ waitMs: 5_000 })))
  assert.match(message, /permission denied.*GRANT/)
  await outbox.raw.query(`DROP TABLE ${outbox.table}`)
  assert.match((await refusal(source.poll(request({ waitMs: 5_000 })))).message, /does not exist|permission denied/)
  await source.close()
  await outbox.raw.query(`DROP ROLE ${role}`)
})

test('ten processes that make the table at once make one', options, async context => {
  const url = await freshDatabase(context, await server.address())
  const connections = await Promise.all(Array.from({ length: 10 }, () => connectionTo(context, { url })))
  await Promise.all(connections.map(each => each.openSource(outboxRef('events'), READ)))
})

test('what is no name of a table is refused before anything is asked', options, async context => {
  const connection = await connectionTo(context, { url: (await server.address()).url })
  for (const name of ['a.b.c', 'a.', '.', 'x'.repeat(64), 'a\0b'])
    await assert.rejects(connection.openSource(outboxRef(name), READ), { code: 'CONFIG_INVALID', fatal: true }, name)
})

test('names are quoted: a table may be called anything', options, async context => {
  const url = await freshDatabase(context, await server.address())
  const connection = await connectionTo(context, { url })
  const channel = outboxRef('Robert"); DROP TABLE students; --')
  const sink = await connection.openSink(channel)
  assert.deepEqual(await sink.send([{ body: Buffer.from('here') }]), [null])
  const source = await connection.openSource(channel, READ)
  assert.deepEqual(bodies(await source.poll(request({ waitMs: 5_000 }))), ['here'])
})

test('settled rows are kept for as long as is wished, marked, and then go', options, async context => {
  const outbox = await openTestOutbox(context, await server.address(), { keepSettled: 1_000 })
  await outbox.publish(['one', 'two'])
  const source = await outbox.open()
  await source.settle(accept(await take(outbox, source, 2)))
  const rows = async () => (await outbox.raw.query(`SELECT settled_at FROM ${outbox.table}`)).rows
  assert.deepEqual(
    (await rows()).map(({ settled_at }) => settled_at instanceof Date),
    [true, true],
  )
  await until('they are gone', async () => (await rows()).length === 0)
})

test('what a session was told is asked of the server: no plan depends on statistics', options, async () => {
  const postgres = await openPostgres(
    'main',
    { url: (await server.address()).url },
    { log: silentLog, session: 'SET jit = off' },
  )
  const { rows } = await postgres.query('SHOW jit')
  assert.deepEqual(rows, [{ jit: 'off' }])
  await postgres.close()
})
