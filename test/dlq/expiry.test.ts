import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryDatabase } from '../../core/database.ts'
import { createVirtualClock } from '../../core/testing/virtual-clock.ts'
import { DEFAULT_LIMITS } from '../../dlq/sql/room.ts'
import { openSqliteStore } from '../../dlq/sqlite/store.ts'
import { fullRecord, letterFor } from '../support/letters.ts'

const DAY_MS = 24 * 3_600_000
const NOBODY = { operator: '', reason: '' }

test('what is unresolved expires only when that is asked for, and what is archived does with the next that is parked', async context => {
  const database = openMemoryDatabase()
  context.after(() => database.close())
  const clock = createVirtualClock()
  let expireAfterMs: number | undefined
  const store = openSqliteStore(database, { clock, limits: () => ({ ...DEFAULT_LIMITS, expireAfterMs }) })
  const park = (id: string) => store.park([letterFor(fullRecord(id), { parkedAt: clock.now() })])
  const left = async (filter: object = {}) =>
    (await store.page({ limit: 9, ...filter })).letters.map(({ recordId }) => recordId)

  await park('archived')
  await park('old')
  const all = (await store.page({ limit: 9 })).letters
  const archived = all.find(({ recordId }) => recordId === 'archived')
  await store.archive({ ids: [archived?.id ?? ''] }, NOBODY)
  clock.advance(400 * DAY_MS)
  await park('later')
  assert.deepEqual(await left(), ['later', 'old'])
  assert.deepEqual(await left({ state: 'archived' }), [])

  expireAfterMs = 30 * DAY_MS
  clock.advance(DAY_MS)
  await park('last')
  assert.deepEqual(await left(), ['last', 'later'])
})
