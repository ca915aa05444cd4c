import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Client, Pool, type PoolConfig } from 'pg'
import { withOffset } from '../../../core/idempotency/offset.ts'
import { withTransaction } from '../../../core/idempotency/transaction.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { transactionCases } from './transaction-cases.ts'

const broker = sharedBroker('postgres')
const skip = broker.missing

const openPool = async (
  context: { after(run: () => Promise<unknown>): void },
  more: PoolConfig = {},
): Promise<Pool> => {
  const pool = new Pool({ connectionString: (await broker.address()).url, max: 5, ...more })
  context.after(() => pool.end())
  await pool.query('DROP TABLE IF EXISTS effects, millrace_transactions, millrace_offsets')
  await pool.query('CREATE TABLE effects (n serial, text text NOT NULL)')
  return pool
}

transactionCases('postgres', skip, async context => {
  const pool = await openPool(context)
  return {
    once: (key, effect, then, options) =>
      withTransaction(
        pool,
        key,
        async client => {
          await client.query('INSERT INTO effects (text) VALUES ($1)', [effect])
          return then()
        },
        { name: 'shop', ...options },
      ),
    at: async (record, effect, options) => {
      const run = async (client: { query(sql: string, values?: unknown[]): Promise<unknown> }) => {
        await client.query('INSERT INTO effects (text) VALUES ($1)', [effect])
        if (effect === 'fails') throw new Error('it fails')
      }
      return (await withOffset(pool, record, run, { name: 'shop', ...options })).kind
    },
    effects: async () => (await pool.query('SELECT text FROM effects ORDER BY n')).rows.map(({ text }) => text),
  }
})

test('a failing statement rolls all of it back, and the pool has its client again', { skip }, async context => {
  const pool = await openPool(context)
  for (let times = 0; times < 8; times += 1)
    await assert.rejects(
      withTransaction(pool, 'k', client => client.query('SELECT nonsense'), { name: 'shop' }),
      /nonsense/,
    )
  assert.equal(await withTransaction(pool, 'k', () => 'fine', { name: 'shop' }), 'fine')
})

const counted = async (pool: Pool): Promise<number> => (await pool.query('SELECT * FROM effects')).rows.length

const charge = async (client: { query(sql: string): Promise<unknown> }): Promise<string> => {
  await client.query("INSERT INTO effects (text) VALUES ('charged')")
  return 'charged'
}

test('a connection that is killed inside ends neither the process nor the pool, and rolls back', {
  skip,
}, async context => {
  const [pool, admin] = [await openPool(context, { max: 1 }), await openPool(context)]
  const killed = withTransaction(
    pool,
    'k',
    async client => {
      await charge(client)
      const [row] = (await client.query('SELECT pg_backend_pid() AS pid')).rows as { pid: number }[]
      const gone = new Promise(done => (client as unknown as Client).once('end', done))
      await admin.query('SELECT pg_terminate_backend($1)', [row?.pid])
      await gone
      return charge(client)
    },
    { name: 'shop' },
  )
  await assert.rejects(killed, /connection error|terminat/)
  assert.equal(await counted(admin), 0)
  assert.equal(await withTransaction(pool, 'k', charge, { name: 'shop' }), 'charged')
  assert.equal(await counted(admin), 1)
})

test('a function that ends the transaction itself is told so, and is not taken for done', { skip }, async context => {
  const pool = await openPool(context)
  for (const end of ['ROLLBACK', 'COMMIT', 'COMMIT AND CHAIN', 'ROLLBACK AND CHAIN']) {
    const ended = withTransaction(
      pool,
      end,
      async client => {
        await client.query(end)
        return 1
      },
      { name: 'shop' },
    )
    await assert.rejects(ended, { name: 'TypeError', message: /ended the transaction/ })
    const position = { topic: 'orders', partition: 0, offset: 10 }
    const moved = withOffset(pool, { time: 1, position }, client => void client.query(end), {
      name: end.replaceAll(/\W+/g, '-'),
    })
    await assert.rejects(moved, { name: 'TypeError', message: /ended the transaction/ })
  }
  assert.equal(await withTransaction(pool, 'ROLLBACK', () => 2, { name: 'shop' }), 2)
})

test('a transaction inside another of its pool is refused at once, where it would wait for itself', {
  skip,
}, async context => {
  const pool = await openPool(context, { max: 1 })
  const later = Promise.withResolvers<void>()
  let after: Promise<unknown> = Promise.resolve()
  const inside = (key: string): Promise<unknown> =>
    withTransaction(
      pool,
      'outer',
      () => {
        after = later.promise.then(() => withTransaction(pool, 'later', () => 'later', { name: 'shop' }))
        return withTransaction(pool, key, () => 1, { name: 'shop' })
      },
      { name: 'shop' },
    )
  for (const key of ['inner', 'outer']) await assert.rejects(inside(key), /inside a transaction of the same pool/)
  later.resolve()
  assert.equal(await after, 'later', 'what it began and was not waited for is outside')
})

test('calls at once get the first result at every isolation level', { skip }, async context => {
  const options = '-c default_transaction_isolation=serializable'
  const pool = await openPool(context, { options, max: 8 })
  const slowly = async (client: Parameters<typeof charge>[0]): Promise<string> => {
    await pause(20)
    return charge(client)
  }
  // With all connections there already, calls begin at once and meet.
  await Promise.all(Array.from({ length: 8 }, () => pool.query('SELECT pg_sleep(0.05)')))
  const calls = Array.from({ length: 30 }, () => withTransaction(pool, 'k', slowly, { name: 'shop' }))
  assert.deepEqual(new Set(await Promise.all(calls)), new Set(['charged']))
  assert.equal(await counted(pool), 1)
})

test('a client is no pool, and is told apart', { skip }, async context => {
  const pool = await openPool(context)
  const client = new Client({ connectionString: (await broker.address()).url })
  await client.connect()
  context.after(() => client.end())
  const lent = await pool.connect()
  for (const db of [client, lent])
    await assert.rejects(
      withTransaction(db as unknown as Pool, 'k', () => 1, { name: 'shop' }),
      /must be a Pool/,
    )
  lent.release()
})
