import assert from 'node:assert/strict'
import { attempt, fullRecord, letterFor } from '../../support/letters.ts'
import {
  CLAIM,
  claimed,
  LEASE_MS,
  listed,
  MAPPING,
  NOBODY,
  type Promised,
  parked,
  replayAll,
  resolve,
  SOURCE,
} from './under-test.ts'

export const replaying = (promise: Promised): void => {
  promise('claims take the oldest first, at most so many and so many bytes, but always one', async ({ store }) => {
    const body = new Uint8Array(600)
    await store.park(['1', '2', '3', '4'].map(id => letterFor(fullRecord(id, { body }))))
    await replayAll(store)
    assert.deepEqual(await claimed(store, { maxBytes: 1 }), ['1'])
    assert.deepEqual(await claimed(store, { maxBytes: 601 }), ['2', '3'])
    assert.deepEqual(await claimed(store, { max: 1 }), ['4'])
    assert.deepEqual(await claimed(store), [])
  })

  promise('a letter is claimed by one process only', async ({ store, elsewhere }) => {
    await store.park([letterFor(fullRecord('1'))])
    await replayAll(store)
    const both = await Promise.all([store.claim(CLAIM), elsewhere.claim(CLAIM)])
    assert.equal(both.flatMap(({ letters }) => letters).length, 1)
  })

  promise('a failed replay opens its letter again, once, however it is told', async ({ store }) => {
    for (const record of [fullRecord('1'), fullRecord('weak', { idStrength: 'weak' })]) {
      const [id = ''] = await parked(store, letterFor(record))
      await store.startReplay({ selection: { ids: [id] } }, NOBODY)
      const { letters } = await store.claim(CLAIM)
      const later = letterFor(record, { attempts: [attempt(1, 9)], replayOf: id, firstSeen: 1_700_000_100_000 })
      await store.park([later], store.settleWithin(letters.map(({ claim }) => ({ claim, outcome: 'rejected' }))))
      await store.settle(letters.map(({ claim }) => ({ claim, outcome: 'rejected' })))
      const found = await store.get(id)
      assert.equal(found?.summary.state, 'open')
      assert.equal(found?.summary.replays, 1)
      assert.equal(found?.summary.attempts, 3)
      assert.equal(found?.letter.firstSeen, 1_700_000_000_500)
    }
    assert.equal((await listed(store, { limit: 10 })).length, 2)
  })

  promise('an ended lease is claimed by another, and the verdict of the first does nothing', async under => {
    const { store, elsewhere, advance } = under
    const [id = ''] = await parked(store, letterFor(fullRecord('1')))
    await replayAll(store)
    const [first] = (await store.claim(CLAIM)).letters
    assert.ok(first)
    advance(LEASE_MS - 1)
    assert.equal(await elsewhere.reclaim(MAPPING, SOURCE), 0)
    assert.deepEqual(await store.renew([first.claim], LEASE_MS), [first.claim])
    advance(LEASE_MS)
    assert.equal(await elsewhere.reclaim(MAPPING, SOURCE), 1)
    const [second] = (await elsewhere.claim(CLAIM)).letters
    assert.equal(second?.priorClaims, 1)
    assert.deepEqual(await store.renew([first.claim], LEASE_MS), [])
    await store.settle([{ claim: first.claim, outcome: 'accepted' }])
    assert.equal((await store.get(id))?.summary.state, 'replaying')
    await store.park([letterFor(fullRecord('1'), { replayOf: id })])
    assert.equal((await store.get(id))?.summary.state, 'replaying')
  })

  promise('a process that was held up leaves its own late claims alone for a while', async ({ store, advance }) => {
    await store.park([letterFor(fullRecord('1'))])
    await replayAll(store)
    const [first] = (await store.claim(CLAIM)).letters
    assert.ok(first)
    advance(LEASE_MS)
    assert.equal(await store.reclaim(MAPPING, SOURCE), 0)
    assert.deepEqual(await store.renew([first.claim], LEASE_MS), [first.claim])
    advance(2 * LEASE_MS)
    assert.equal(await store.reclaim(MAPPING, SOURCE), 1)
  })

  promise('a returned letter comes again when it is due, with its attempts', async ({ store, advance }) => {
    await store.park([letterFor(fullRecord('1'))])
    await replayAll(store)
    const [taken] = (await store.claim(CLAIM)).letters
    assert.ok(taken)
    await store.settle([{ claim: taken.claim, outcome: 'returned', attempts: 2, delayMs: 5_000 }])
    assert.equal((await store.claim(CLAIM)).letters.length, 0)
    advance(5_000)
    const [again] = (await store.claim(CLAIM)).letters
    assert.equal(again?.attempts, 2)
    assert.equal(again?.priorClaims, 0)
    assert.equal(again?.requestedAt, taken.requestedAt)
  })

  promise('a record that is parked again after its letter was resolved is a new letter', async ({ store }) => {
    const [id = ''] = await parked(store, letterFor(fullRecord('1')))
    await resolve(store, id)
    assert.deepEqual(await store.recall(MAPPING, SOURCE, ['1']), new Map())
    await store.park([letterFor(fullRecord('1', { body: null }))])
    const [again] = await listed(store, { limit: 10 })
    assert.notEqual(again?.id, id)
    assert.equal((await store.get(id))?.summary.state, 'resolved')
  })
}
