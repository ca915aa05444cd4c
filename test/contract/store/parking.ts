import assert from 'node:assert/strict'
import type { JointWrite } from '../../../core/contract.ts'
import { attempt, fullRecord, letterFor } from '../../support/letters.ts'
import { listed, MAPPING, type Promised, parked, resolve, SOURCE } from './under-test.ts'

export const parking = (promise: Promised): void => {
  promise('a letter comes back as it was parked, byte for byte', async ({ store, elsewhere }) => {
    const letter = letterFor(fullRecord('1'))
    const [id = ''] = await parked(store, letter)
    assert.deepEqual((await store.get(id))?.letter, letter)
    assert.deepEqual((await elsewhere.get(id.toUpperCase()))?.letter, letter)
  })

  promise('a tombstone, an empty body and a body of 10 MB come back as they were', async ({ store }) => {
    const large = new Uint8Array(10_000_000).map((_, index) => index % 251)
    const bodies = [null, new Uint8Array(), large]
    const ids = await parked(store, ...bodies.map((body, index) => letterFor(fullRecord(`${index}`, { body }))))
    for (const [index, id] of ids.entries())
      assert.deepEqual((await store.get(id))?.letter.record.body, bodies[index], `body ${index}`)
  })

  promise('parking a record again adds its attempts to the one letter there is', async ({ store, elsewhere }) => {
    const record = fullRecord('1')
    await store.park([letterFor(record)])
    await elsewhere.park([
      letterFor(record, { reason: 'crashed', attempts: [attempt(2), attempt(3)], parkedAt: 1_700_000_009_000 }),
    ])
    const [only, ...more] = await listed(store, { limit: 10 })
    assert.ok(only)
    assert.deepEqual(more, [])
    assert.equal(only.reason, 'crashed')
    assert.equal(only.attempts, 3)
    assert.deepEqual(
      (await store.get(only.id))?.letter.attempts.map(({ number }) => number),
      [1, 2, 3],
    )
  })

  promise(
    'records with weak ids, of other mappings and of other sources are letters of their own',
    async ({ store }) => {
      const weak = fullRecord('1', { idStrength: 'weak' })
      await store.park([letterFor(weak), letterFor(weak), letterFor(fullRecord('1'))])
      await store.park([letterFor(fullRecord('1'), { mapping: 'email' })])
      await store.park([letterFor(fullRecord('1', { source: 'local/other' }))])
      assert.equal((await listed(store, { limit: 10 })).length, 5)
    },
  )

  promise('what stopped behind a letter stays stopped until somebody says go on', async ({ store, elsewhere }) => {
    const stops = ['0', '1\u0000s:k\u00e9y']
    assert.deepEqual(await store.stopped(MAPPING, SOURCE), new Set())
    await store.park(stops.map((scope, index) => letterFor(fullRecord(`${index}`), { stops: scope })))
    await store.park([letterFor(fullRecord('other'), { mapping: 'email', stops: '0' })])
    for (const reader of [store, elsewhere]) assert.deepEqual(await reader.stopped(MAPPING, SOURCE), new Set(stops))
    assert.deepEqual(await store.stopped(MAPPING, 'local/other'), new Set())
    assert.deepEqual((await elsewhere.goOn(MAPPING)).toSorted(), stops)
    assert.deepEqual(await elsewhere.goOn(MAPPING), [])
    assert.deepEqual(await store.stopped(MAPPING, SOURCE), new Set())
    assert.deepEqual(await store.stopped('email', SOURCE), new Set(['0']))
  })

  promise('a letter that was replayed with success stops nothing any more, others still do', async ({ store }) => {
    const [id = ''] = await parked(
      store,
      letterFor(fullRecord('1'), { stops: '0' }),
      letterFor(fullRecord('2'), { stops: '1' }),
    )
    await store.park([letterFor(fullRecord('1'), { stops: '0' })])
    await resolve(store, id)
    assert.deepEqual(await store.stopped(MAPPING, SOURCE), new Set(['1']))
  })

  promise('a joint write happens together with parking, or neither does', async ({ store, joint }) => {
    if (!joint) return
    await assert.rejects(store.park([letterFor(fullRecord('1'))], joint.failing))
    assert.deepEqual(await listed(store, { limit: 10 }), [])
    assert.equal(joint.kept(), false)
    assert.equal(await store.park([letterFor(fullRecord('1'))], joint.write), 'settled')
    assert.equal((await listed(store, { limit: 10 })).length, 1)
    assert.equal(joint.kept(), true)
  })

  promise('a joint write of another database is left to its owner', async ({ store }) => {
    const foreign: JointWrite = { database: {}, write: () => assert.fail('was run') }
    assert.equal(await store.park([letterFor(fullRecord('1'))], foreign), 'parked')
  })
}
