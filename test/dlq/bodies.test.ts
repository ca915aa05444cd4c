import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openDatabase } from '../../core/database.ts'
import { createVirtualClock } from '../../core/testing/virtual-clock.ts'
import { openSqliteStore } from '../../dlq/sqlite/store.ts'
import { temporaryFolder } from '../support/folder.ts'
import { fullRecord, letterFor } from '../support/letters.ts'

const NOBODY = { operator: '', reason: '' }
const LARGE = new Uint8Array(1_048_576).map((_, index) => index % 251)

const opened = async (context: TestContext) => {
  const folder = await temporaryFolder(context)
  const database = openDatabase(folder)
  context.after(() => database.close())
  const clock = createVirtualClock()
  const store = openSqliteStore(database, { clock })
  const files = () => (existsSync(join(folder, 'dead-letters')) ? readdirSync(join(folder, 'dead-letters')) : [])
  return { folder: join(folder, 'dead-letters'), database, clock, store, files }
}

const large = (id: string) => letterFor(fullRecord(id, { body: LARGE }))

test('a body of 1 MB is a file that only its user may read, a smaller one is not', async context => {
  const { store, files, folder } = await opened(context)
  await store.park([letterFor(fullRecord('small', { body: LARGE.subarray(1) })), large('large')])
  const [file = '', ...more] = files()
  assert.deepEqual(more, [])
  assert.equal(statSync(join(folder, file)).mode & 0o077, 0)
  for (const { id, bodyBytes } of (await store.page({ limit: 9 })).letters)
    assert.equal((await store.get(id))?.letter.record.body?.byteLength, bodyBytes)
})

test('the file of a body goes with its letter', async context => {
  const { store, files } = await opened(context)
  await store.park([large('1'), large('2')])
  const [{ id } = { id: '' }] = (await store.page({ limit: 1 })).letters
  await store.purge({ ids: [id] }, NOBODY)
  assert.equal(files().length, 1)
})

test('a record that is parked again leaves no second file for long', async context => {
  const { store, files } = await opened(context)
  await store.park([large('1')])
  await store.park([large('1')])
  assert.equal(files().length, 1)
})

test('a file that a crash left behind is removed when the store is opened, one that is new is not', async context => {
  const { store, files, folder, database, clock } = await opened(context)
  await store.park([large('1')])
  const [kept = ''] = files()
  for (const name of ['old.body', 'new.body']) writeFileSync(join(folder, name), 'x')
  const now = clock.now() / 1_000
  utimesSync(join(folder, 'old.body'), now - 7_200, now - 7_200)
  utimesSync(join(folder, kept), now - 7_200, now - 7_200)
  utimesSync(join(folder, 'new.body'), now, now)
  openSqliteStore(database, { clock })
  assert.deepEqual(files().toSorted(), [kept, 'new.body'].toSorted())
})

test('where a file cannot be written nothing is parked, and the error says where', {
  skip: process.getuid?.() === 0 && 'root may write anywhere',
}, async context => {
  const { store, folder } = await opened(context)
  await store.park([large('1')])
  chmodSync(folder, 0o500)
  await assert.rejects(store.park([large('2')]), { code: 'STATE_UNAVAILABLE', message: /dead-letters/ })
  chmodSync(folder, 0o700)
  assert.equal((await store.page({ limit: 9 })).letters.length, 1)
})

test('a letter whose file is gone is shown as unavailable, and others are listed', async context => {
  const { store, files, folder } = await opened(context)
  await store.park([large('1')])
  const [file = ''] = files()
  const { rmSync } = await import('node:fs')
  rmSync(join(folder, file))
  const [{ id } = { id: '' }] = (await store.page({ limit: 9 })).letters
  await assert.rejects(store.get(id), { code: 'DEAD_LETTER_UNREADABLE', message: new RegExp(file) })
  await store.startReplay({ selection: { filter: {} } }, NOBODY)
  const claimed = await store.claim({
    mapping: 'charge',
    source: 'local/orders',
    by: 'function',
    order: 'none',
    max: 9,
    maxBytes: 9e9,
    leaseMs: 9,
  })
  assert.deepEqual([claimed.letters.length, claimed.unreadable.length], [0, 1])
})
