import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Pool } from 'pg'
import { postgres } from '../../../connectors/postgres/channel.ts'
import { postgresIdempotency } from '../../../connectors/postgres/idempotency.ts'
import { idempotencyContract } from '../../../core/testing/idempotency/idempotency-contract.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { openProxy } from '../../support/proxy.ts'
import { until } from '../../support/until.ts'

const broker = sharedBroker('postgres')
const skip = broker.missing

/** Keys of the suite have the same names each time: each case begins with an empty table. */
const openTest = async (context: { after(run: () => unknown): void }) => {
  const { url } = await broker.address()
  const pool = new Pool({ connectionString: url, max: 2 })
  context.after(() => pool.end())
  await pool.query('DROP TABLE IF EXISTS millrace_idempotency')
  const open = () => {
    const store = postgresIdempotency(postgres('main', { url }))
    context.after(() => store.close())
    return store
  }
  return { pool, open, url }
}

if (skip) test('idempotency keys in postgres', { skip }, () => {})
else
  idempotencyContract('postgres', async context => {
    const { pool, open } = await openTest(context)
    return {
      store: open(),
      elsewhere: open(),
      pass: pause,
      spoil: async key => void (await pool.query("UPDATE millrace_idempotency SET state = '{' WHERE key = $1", [key])),
    }
  })

test('many processes that begin at once make its table once', { skip }, async context => {
  const { open } = await openTest(context)
  const stores = Array.from({ length: 8 }, open)
  await Promise.all(stores.map(store => store.show('c:k')))
})

test('batches with the same keys in other orders wait for each other and never for ever', { skip }, async context => {
  const { open } = await openTest(context)
  const [one, other] = [open(), open()]
  const keys = Array.from({ length: 50 }, (_, index) => `c:${index}`)
  for (let times = 0; times < 10; times += 1) {
    const claims = keys.map(key => ({ key: `${key}.${times}`, fingerprint: '' }))
    const [first, second] = await Promise.all([
      one.claim(claims, { owner: 'one', leaseMs: 60_000 }),
      other.claim(claims.toReversed(), { owner: 'other', leaseMs: 60_000 }),
    ])
    const claimed = [...first, ...second].filter(({ kind }) => kind === 'claimed')
    assert.equal(claimed.length, 50)
  }
})

test('it takes a pool of yours and leaves it open, and sweeps what has expired', { skip }, async context => {
  const { pool } = await openTest(context)
  const store = postgresIdempotency(pool)
  const [claimed] = await store.claim([{ key: 'c:old', fingerprint: '' }], { owner: 'o', leaseMs: 1_000 })
  assert.ok(claimed?.kind === 'claimed')
  const { fence } = claimed
  await store.write([{ kind: 'complete', key: 'c:old', owner: 'o', fence, fingerprint: '', result: '', ttlMs: 1 }])
  await pause(5)
  const later = postgresIdempotency(pool)
  await later.claim([{ key: 'c:new', fingerprint: '' }], { owner: 'o', leaseMs: 1_000 })
  await until('it was swept', async () => (await store.show('c:old')) === undefined)
  await store.close()
  assert.equal((await pool.query('SELECT key FROM millrace_idempotency')).rowCount, 1)
})

test('a connection that breaks rejects what was under way, and the next question finds another', {
  skip,
}, async context => {
  const { url } = await openTest(context)
  const { port, username, pathname } = new URL(url)
  const proxy = await openProxy(context, { to: Number(port) })
  const store = postgresIdempotency(
    postgres('main', { url: `postgres://${username}@127.0.0.1:${proxy.port}${pathname}` }),
  )
  context.after(() => store.close())
  const claim = () => store.claim([{ key: `c:${randomUUID()}`, fingerprint: '' }], { owner: 'o', leaseMs: 1_000 })
  await claim()
  proxy.reset()
  await claim().catch(error => assert.equal(error.code, 'IDEMPOTENCY_STORE_FAILED'))
  await until('it answers again', async () => (await claim().catch(() => undefined)) !== undefined)
})
