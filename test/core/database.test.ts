import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { openDatabase } from '../../core/database.ts'
import { temporaryFolder } from '../support/folder.ts'

const STEPS = ['CREATE TABLE things (name TEXT PRIMARY KEY)']

test('what one turn of the event loop asks for is one transaction; one that throws takes nobody with it', async context => {
  const database = openDatabase(await temporaryFolder(context))
  database.migrate('things', STEPS)
  const insert = (name: string) => database.write(() => database.sql('INSERT INTO things VALUES (?)').run(name))
  const results = await Promise.allSettled([insert('a'), insert('b'), insert('a'), database.claim(() => 7)])
  assert.deepEqual(
    results.map(result => result.status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  )
  assert.equal(
    database.read(() => database.sql('SELECT count(*) AS n FROM things').get()?.n),
    2,
  )
  await database.close()
})

test('tables are made once; opening needs no lock when they are there', async context => {
  const folder = await temporaryFolder(context)
  const first = openDatabase(folder)
  first.migrate('things', STEPS)
  await first.close()
  const other = new DatabaseSync(join(folder, 'millrace.db'))
  other.exec('BEGIN IMMEDIATE')
  const second = openDatabase(folder)
  second.migrate('things', STEPS)
  other.exec('ROLLBACK')
  second.migrate('things', [...STEPS, 'ALTER TABLE things ADD COLUMN size INTEGER'])
  await second.write(() => second.sql('INSERT INTO things (name, size) VALUES (?, ?)').run('a', 1))
  await second.close()
  other.close()
})

test('a write waits for the lock of another process without blocking, and is then made', async context => {
  const folder = await temporaryFolder(context)
  const database = openDatabase(folder)
  database.migrate('things', STEPS)
  const other = new DatabaseSync(join(folder, 'millrace.db'))
  other.exec('BEGIN IMMEDIATE')
  let written = false
  const writing = database
    .write(() => database.sql('INSERT INTO things VALUES (?)').run('a'))
    .then(() => {
      written = true
    })
  for (let turn = 0; turn < 20; turn += 1) await new Promise(resolve => setImmediate(resolve))
  assert.equal(written, false)
  other.exec('COMMIT')
  await writing
  other.close()
  await database.close()
})
