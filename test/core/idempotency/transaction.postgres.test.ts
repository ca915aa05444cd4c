import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pool } from 'pg'
import { withOffset } from '../../../core/idempotency/offset.ts'
import { withTransaction } from '../../../core/idempotency/transaction.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { transactionCases } from './transaction-cases.ts'

const broker = sharedBroker('postgres')
const skip = broker.missing

const openPool = async (context: { after(run: () => Promise<unknown>): void }): Promise<Pool> => {
  const pool = new Pool({ connectionString: (await broker.address()).url, max: 5 })
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
