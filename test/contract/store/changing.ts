import assert from 'node:assert/strict'
import { fullRecord, letterFor } from '../../support/letters.ts'
import { CLAIM, DAY_MS, listed, NOBODY, type Promised, parked, replayAll, resolve } from './under-test.ts'

export const changing = (promise: Promised): void => {
  promise('resolved letters are kept for a week and then removed', async ({ store, advance }) => {
    const [old = '', later = ''] = await parked(store, letterFor(fullRecord('1')), letterFor(fullRecord('2')))
    await resolve(store, old)
    advance(8 * DAY_MS)
    assert.equal((await store.get(old))?.summary.state, 'resolved')
    await resolve(store, later)
    assert.equal(await store.get(old), undefined)
    assert.equal((await store.get(later))?.summary.state, 'resolved')
  })

  promise('an archived letter leaves the lists and can be restored, and its record stays known', async ({ store }) => {
    const [one = '', two = ''] = await parked(store, letterFor(fullRecord('1')), letterFor(fullRecord('2')))
    assert.deepEqual(await store.archive({ ids: [one, 'nobody'] }, NOBODY), {
      changed: 1,
      refused: [{ id: 'n0b0dy', reason: 'unknown' }],
    })
    assert.deepEqual(
      (await listed(store, { limit: 9 })).map(({ id }) => id),
      [two],
    )
    assert.equal((await listed(store, { limit: 9, state: 'archived' }))[0]?.id, one)
    assert.equal((await store.recall('charge', 'local/orders', ['1'])).get('1')?.parked, true)
    assert.deepEqual((await store.startReplay({ selection: { ids: [one] } }, NOBODY)).refused, [
      { id: one, reason: 'archived' },
    ])
    assert.equal((await store.restore({ filter: {} }, NOBODY)).changed, 1)
    assert.equal((await listed(store, { limit: 9 })).length, 2)
  })

  promise('archived letters are removed after a month, open ones never', async ({ store, advance }) => {
    const [gone = '', open = '', other = ''] = await parked(
      store,
      ...['1', '2', '3'].map(id => letterFor(fullRecord(id))),
    )
    await store.archive({ ids: [gone] }, NOBODY)
    advance(400 * DAY_MS)
    await resolve(store, other)
    assert.equal(await store.get(gone), undefined)
    assert.equal((await store.get(open))?.summary.state, 'open')
  })

  promise('a purge removes what the filter names and nothing that is being replayed', async ({ store }) => {
    await store.park([
      ...['1', '2', '3'].map(id => letterFor(fullRecord(id))),
      letterFor(fullRecord('4'), { mapping: 'email' }),
    ])
    await replayAll(store)
    await store.claim({ ...CLAIM, max: 1 })
    assert.deepEqual(await store.purge({ filter: { mapping: 'charge' } }, NOBODY), { changed: 2, refused: [] })
    assert.deepEqual(
      (await listed(store, { limit: 9 })).map(({ recordId }) => recordId),
      ['4', '1'],
    )
  })

  promise('a note stays with its letter until it is replaced', async ({ store }) => {
    const [id = ''] = await parked(store, letterFor(fullRecord('1')))
    const odd = 'ask \u001b[2J bob\u0000'
    assert.equal(await store.note(id.toUpperCase(), odd, NOBODY), true)
    assert.equal((await store.get(id))?.summary.note, odd)
    assert.equal(await store.note(id, '', NOBODY), true)
    assert.equal((await store.get(id))?.summary.note, undefined)
    assert.equal(await store.note('nobody', 'x', NOBODY), false)
  })

  promise('everything that people do is in the audit, with who and why', async ({ store }) => {
    const [id = ''] = await parked(store, letterFor(fullRecord('1')))
    await store.note(id, 'x', NOBODY)
    await store.archive({ ids: [id] }, NOBODY)
    await store.restore({ ids: [id] }, NOBODY)
    const job = await replayAll(store)
    await store.steer(job, 'paused', NOBODY)
    assert.deepEqual(
      (await store.audit()).map(({ action, subject, operator, reason }) => [action, subject, operator, reason]),
      [
        ['replay paused', job, 'ada', 'mended'],
        ['replay', job, 'ada', 'mended'],
        ['restore', id, 'ada', 'mended'],
        ['archive', id, 'ada', 'mended'],
        ['note', id, 'ada', 'mended'],
      ],
    )
    assert.equal((await store.audit(id)).length, 3)
  })

  promise('an exported letter is taken in under its id, once', async ({ store }) => {
    const letter = letterFor(fullRecord('1'))
    const exported = { id: '01kpw72g3001', state: 'resolved', letter, replays: 2, note: 'from there' } as const
    assert.equal(await store.take(exported, NOBODY), true)
    assert.equal(await store.take(exported, NOBODY), false)
    const found = await store.get(exported.id)
    assert.deepEqual(found?.letter, letter)
    assert.deepEqual([found?.summary.state, found?.summary.replays, found?.summary.note], ['open', 2, 'from there'])
    await assert.rejects(store.take({ ...exported, id: '01kpw72g3002' }, NOBODY), {
      code: 'DEAD_LETTER_REFUSED',
      message: /01kpw72g3001/,
    })
  })

  promise('an edited letter takes the place of the one it was made of, which is resolved', async ({ store }) => {
    const [id = ''] = await parked(store, letterFor(fullRecord('1')))
    const edited = letterFor(fullRecord('1~edited', { body: new Uint8Array([7]) }))
    const successor = await store.edit(id, edited, NOBODY)
    assert.ok(successor)
    assert.deepEqual((await store.get(successor))?.letter, { ...edited, editOf: id })
    const old = await store.get(id)
    assert.equal(old?.summary.state, 'resolved')
    assert.match(old?.history[0]?.message ?? '', new RegExp(successor))
    assert.equal(await store.edit(id, edited, NOBODY), undefined)
    assert.equal((await listed(store, { limit: 9 })).length, 1)
  })
}
