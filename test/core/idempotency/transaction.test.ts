import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { withOffset } from '../../../core/idempotency/offset.ts'
import { withTransaction } from '../../../core/idempotency/transaction.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { transactionCases } from './transaction-cases.ts'

const openDb = async (context: Parameters<typeof temporaryFolder>[0]): Promise<DatabaseSync> => {
  const db = new DatabaseSync(join(await temporaryFolder(context), 'shop.db'))
  context.after(() => db.close())
  db.exec('CREATE TABLE effects (text TEXT NOT NULL)')
  return db
}

const write = (db: DatabaseSync, effect: string): void => {
  db.prepare('INSERT INTO effects VALUES (?)').run(effect)
  if (effect === 'fails') throw new Error('it fails')
}

transactionCases('sqlite', false, async context => {
  const db = await openDb(context)
  return {
    once: (key, effect, then, options) =>
      withTransaction(
        db,
        key,
        inside => {
          write(inside, effect)
          return then()
        },
        { name: 'shop', ...options },
      ) as ReturnType<typeof then> & Promise<never>,
    at: async (record, effect, options) =>
      (await withOffset(db, record, inside => write(inside, effect), { name: 'shop', ...options })).kind,
    effects: async () =>
      db
        .prepare('SELECT text FROM effects')
        .all()
        .map(({ text }) => String(text)),
  }
})

test('with node:sqlite an async function is refused before anything of it is kept, and so is one inside another', async context => {
  const db = await openDb(context)
  const charge = async (): Promise<number> => {
    write(db, 'early')
    return 1
  }
  await assert.rejects(withTransaction(db, 'k', charge, { name: 'shop' }), /must not be async/)
  assert.deepEqual(db.prepare('SELECT * FROM effects').all(), [])
  db.exec('BEGIN')
  await assert.rejects(
    withTransaction(db, 'k', () => 1, { name: 'shop' }),
    /in a transaction already/,
  )
  db.exec('ROLLBACK')
  await assert.rejects(
    withTransaction(db, 'k', () => 1, { name: '' }),
    /name must be/,
  )
  await assert.rejects(
    withTransaction(db, 'k', () => 1, { name: 'n', ttl: 'x' as '1s' }),
    /ttl must be/,
  )
})
