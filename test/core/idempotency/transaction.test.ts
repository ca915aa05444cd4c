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

const ORDER = { time: 1, position: { topic: 'orders', partition: 0, offset: 0 } }

test('a connection that reads BigInts or arrays has one effect for a key as well', async () => {
  for (const options of [{ readBigInts: true }, { returnArrays: true }]) {
    const db = new DatabaseSync(':memory:', options)
    const effects: string[] = []
    for (let times = 0; times < 3; times += 1) {
      assert.equal(await withTransaction(db, 'k', () => effects.push('effect'), { name: 'shop' }), 1)
      await withOffset(db, ORDER, () => void effects.push('moved'), { name: 'shop' })
    }
    assert.deepEqual(effects, ['effect', 'moved'], JSON.stringify(options))
    db.close()
  }
})

test('a function that ends the transaction itself is told so, and is not taken for done', async context => {
  const db = await openDb(context)
  for (const end of ['ROLLBACK', 'COMMIT', 'ROLLBACK; BEGIN'])
    for (const run of [
      () => withTransaction(db, end, inside => inside.exec(end), { name: 'shop' }),
      () => withOffset(db, ORDER, inside => inside.exec(end), { name: end.replaceAll(/\W+/g, '-') }),
    ])
      await assert.rejects(run(), { name: 'TypeError', message: /ended the transaction/ })
  assert.equal(await withTransaction(db, 'ROLLBACK; BEGIN', () => 'ran', { name: 'shop' }), 'ran')
})

test('what is no database, no name and no position is told before anything runs', async context => {
  const db = await openDb(context)
  const run = (): void => assert.fail()
  for (const wrong of [undefined, null, 'file.db', {}])
    await assert.rejects(withTransaction(wrong as never, 'k', run, { name: 'shop' }), /database must be a Pool/)
  for (const position of [
    { topic: 'orders', partition: 0, offset: -1 },
    { topic: 'orders', partition: '', offset: '' },
  ])
    await assert.rejects(
      withOffset(db, { time: 1, position }, run, { name: 'shop' }),
      /must have a time, and a position/,
    )
  await assert.rejects(withOffset(db, { ...ORDER, time: Number.NaN }, run, { name: 'shop' }), /must have a time/)
  await assert.rejects(withOffset(db, ORDER, run, undefined as never), /name must be/)
  await assert.rejects(withTransaction(db, 'k', run, undefined as never), /name must be/)
  for (const ttl of ['3651d', 5n] as unknown as '1s'[])
    await assert.rejects(withTransaction(db, 'k', run, { name: 'shop', ttl }), /between 1s and 3650d/)
})
