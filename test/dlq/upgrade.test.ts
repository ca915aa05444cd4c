import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '../../core/database.ts'
import { createVirtualClock } from '../../core/testing/virtual-clock.ts'
import { STEPS } from '../../dlq/sqlite/schema.ts'
import { openSqliteStore } from '../../dlq/sqlite/store.ts'
import { temporaryFolder } from '../support/folder.ts'

/** How far the tables were before replays became jobs. */
const STEPS_BEFORE = 4

/** Rows as the version before wrote them. */
const LETTER = `INSERT INTO dead_letters (id, mapping, source, record_id, parked_id, state, function, reason, error_name,
  error_message, fingerprint, attempts, body_bytes, record_time, first_seen, parked_at, requested_at, due_at, owner,
  lease_until, resolved_at) VALUES (?, 'charge', 'local/orders', ?, ?, ?, 'charge', 'exhausted', 'TypeError', 'bad',
  'abc', 0, 2, 1, 1, 1700000001000, ?, ?, ?, ?, ?)`

const envelope = (recordId: string, key: string): string =>
  `{"envelope":1,"mapping":"charge","function":{"name":"charge","version":"v1"},"group":"g","record":{"id":"${recordId}","idStrength":"stable","source":"local/orders","time":1,"key":${key},"headers":"[[\\"trace\\",\\"a\\"]]","body":null},"reason":"exhausted","error":{"name":"TypeError","message":"bad"},"attempts":[],"firstSeen":1,"parkedAt":1700000001000}`

test('a state folder of the version before is upgraded in place, what was requested included', async context => {
  const database = openDatabase(await temporaryFolder(context))
  context.after(() => database.close())
  database.migrate('dead-letters', STEPS.slice(0, STEPS_BEFORE))
  await database.write(() => {
    const rows = [
      ['01hf7yatz800', '1', '1', 'open', null, null, null, null, null, '"order-1"'],
      ['01hf7yatz801', '2', '2', 'requested', 5, 5, null, null, null, '{"$bytes":"AP+A"}'],
      ['01hf7yatz802', '3', '3', 'replaying', 6, null, 'somebody', 7, null, 'null'],
      ['01hf7yatz803', '4', null, 'resolved', 6, null, null, null, 8, 'null'],
    ] as const
    for (const [id, record, parked, state, requested, due, owner, lease, resolved, key] of rows) {
      database.sql(LETTER).run(id, record, parked, state, requested, due, owner, lease, resolved)
      database.sql('INSERT INTO dead_letter_texts VALUES (?, ?)').run(id, envelope(record, key))
      database.sql('INSERT INTO dead_letter_bodies VALUES (?, ?)').run(id, new Uint8Array([0, 255]))
    }
  })

  const store = openSqliteStore(database, { clock: createVirtualClock() })
  const { letters } = await store.page({ limit: 9 })
  assert.deepEqual(
    letters.map(({ recordId, state, key }) => [recordId, state, key]),
    [
      ['3', 'replaying', null],
      ['2', 'replaying', 'base64:AP+A'],
      ['1', 'open', 'order-1'],
    ],
  )
  assert.deepEqual((await store.groups({ by: 'mapping', limit: 9, state: 'resolved' }))[0]?.letters, 1)
  const found = await store.get('01hf7yatz800')
  assert.deepEqual(found?.letter.record.headers, [['trace', 'a']])
  assert.deepEqual(found?.letter.record.body, new Uint8Array([0, 255]))
  assert.equal((await store.page({ limit: 9, key: 'order-1' })).letters.length, 1)

  const claim = {
    mapping: 'charge',
    source: 'local/orders',
    by: 'function',
    order: 'none',
    max: 9,
    maxBytes: 9e9,
    leaseMs: 9,
  } as const
  assert.equal(await store.reclaim('charge', 'local/orders'), 1)
  const claimed = await store.claim(claim)
  assert.deepEqual(claimed.letters.map(({ letter }) => letter.record.id).toSorted(), ['2', '3'])
  await store.settle(claimed.letters.map(letter => ({ claim: letter.claim, outcome: 'accepted' })))
  const [job] = await store.jobs()
  assert.deepEqual([job?.state, job?.selected, job?.resolved], ['done', 2, 2])
})
