import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accept, bodies, request } from '../../../core/testing/contract/reading.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { openTestOutbox } from './opened.ts'

const server = sharedBroker('postgres')
const options = { skip: server.missing }
/** So that nothing is found by looking. */
const NEVER_LOOKS = { lookEvery: 60_000 }

test('a commit wakes a reader that waits, and a rollback gives it nothing', options, async context => {
  const outbox = await openTestOutbox(context, await server.address(), NEVER_LOOKS)
  const source = await outbox.open()
  // The first may be found because it has just begun to listen.
  await outbox.publish(['first'])
  await source.settle(accept(await source.poll(request({ waitMs: 20_000 }))))
  const [{ now }] = (await outbox.raw.query('SELECT clock_timestamp() AS now')).rows
  const polled = source.poll(request({ waitMs: 20_000 }))
  await until('it has looked in vain, and waits', async () => {
    const looked = `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'WITH ready%' AND query LIKE '%${outbox.table}%'
      AND state = 'idle' AND query_start >= $1`
    return (await outbox.raw.query(looked, [now])).rows.length > 0
  })
  await outbox.raw.query(`BEGIN; INSERT INTO ${outbox.table} (data) VALUES ('"gone"'); ROLLBACK`)
  await outbox.raw.query(`BEGIN; INSERT INTO ${outbox.table} (data) VALUES ('"kept"'); COMMIT`)
  const began = performance.now()
  assert.deepEqual(bodies(await polled), ['"kept"'])
  assert.ok(performance.now() - began < 5_000)
})

test('a reader whose session was ended is woken by the next one', options, async context => {
  const outbox = await openTestOutbox(context, await server.address(), NEVER_LOOKS)
  const source = await outbox.open()
  const sessions = async () =>
    (
      await outbox.raw.query(
        `SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()`,
      )
    ).rows
  await until('it listens', async () => (await sessions()).length > 0)
  const [before] = await sessions()
  await outbox.raw.query('SELECT pg_terminate_backend($1)', [before.pid])
  await until('it listens again', async () => (await sessions()).some(({ pid }) => pid !== before.pid))
  const polled = source.poll(request({ waitMs: 20_000 }))
  await outbox.publish(['heard'])
  assert.deepEqual(bodies(await polled), ['heard'])
})

test('without notifications rows are found by looking', options, async context => {
  const outbox = await openTestOutbox(context, await server.address(), { notify: false, lookEvery: 100 })
  await outbox.raw.query(`DROP TRIGGER millrace_outbox_news ON ${outbox.table}`)
  const source = await outbox.open()
  const polled = source.poll(request({ waitMs: 20_000 }))
  await outbox.publish(['found'])
  assert.deepEqual(bodies(await polled), ['found'])
})

test('rows as people write them: JSON, headers of two kinds, ids of their own', options, async context => {
  const outbox = await openTestOutbox(context, await server.address())
  await outbox.raw.query(`INSERT INTO ${outbox.table} (key, data, headers, event_id, created_at) VALUES
    ('ada', '{"total": 5, "name": "ä\\\\"}', '{"type": "paid", "tries": 2}', 'order-1-paid', '2026-01-02T03:04:05.678Z'),
    ('bob', NULL, '[["type", "gone"], ["type", "away"]]', NULL, DEFAULT)`)
  const source = await outbox.open()
  const taken = await source.poll(request({ waitMs: 5_000 }))
  const [ada, bob] = taken.map(({ record }) => record)
  assert.deepEqual(JSON.parse(String(Buffer.from(ada?.body ?? []))), { total: 5, name: 'ä\\' })
  assert.deepEqual(ada?.headers, [
    ['type', 'paid'],
    ['tries', 2],
  ])
  assert.deepEqual([ada?.id, ada?.key, ada?.time], ['order-1-paid', 'ada', Date.UTC(2026, 0, 2, 3, 4, 5, 678)])
  assert.deepEqual([bob?.id, bob?.body], ['row-2', null])
  assert.deepEqual(bob?.headers, [
    ['type', 'gone'],
    ['type', 'away'],
  ])
  assert.deepEqual(await source.settle(accept(taken)), [])
})

test('what is sent with a delay comes later, and what a table cannot hold is refused alone', options, async context => {
  const outbox = await openTestOutbox(context, await server.address())
  await outbox.send([{ id: 'later', body: Buffer.from('later'), delayMs: 300 }])
  const source = await outbox.open()
  assert.deepEqual(await source.poll(request({ waitMs: 0 })), [])
  assert.deepEqual(bodies(await source.poll(request({ waitMs: 5_000 }))), ['later'])
  await assert.rejects(outbox.send([{ id: 'a\0b', body: null }]), { code: 'SEND_INVALID' })
})
