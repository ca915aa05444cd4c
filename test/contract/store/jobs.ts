import assert from 'node:assert/strict'
import type { ClaimedLetter } from '../../../dlq/replay-store.ts'
import type { LetterStore } from '../../../dlq/store.ts'
import { fullRecord, letterFor } from '../../support/letters.ts'
import { CLAIM, claimed, jobOf, LEASE_MS, listed, NOBODY, type Promised, parked, replayAll } from './under-test.ts'

const many = (count: number) => Array.from({ length: count }, (_, index) => letterFor(fullRecord(`${index}`)))

const settle = (store: LetterStore, letters: readonly ClaimedLetter[], outcome: 'accepted' | 'rejected') =>
  store.settle(letters.map(({ claim }) => ({ claim, outcome })))

const claim = async (store: LetterStore, change: object = {}) => (await store.claim({ ...CLAIM, ...change })).letters

export const jobs = (promise: Promised): void => {
  promise('a replay names the letters it does not take, and why', async ({ store }) => {
    const [open = '', archived = '', replaying = ''] = await parked(store, ...many(3))
    await store.startReplay({ selection: { ids: [replaying] } }, NOBODY)
    await store.claim(CLAIM)
    await store.archive({ ids: [archived] }, NOBODY)
    const { job, selected, refused } = await store.startReplay(
      { selection: { ids: [open, open, archived, replaying, 'nobody'] } },
      NOBODY,
    )
    assert.ok(job)
    assert.equal(selected, 1)
    assert.deepEqual(refused, [
      { id: archived, reason: 'archived' },
      { id: replaying, reason: 'being replayed' },
      { id: 'n0b0dy', reason: 'unknown' },
    ])
    assert.deepEqual(await store.startReplay({ selection: { ids: ['nobody'] } }, NOBODY), {
      job: undefined,
      selected: 0,
      refused: [{ id: 'n0b0dy', reason: 'unknown' }],
    })
  })

  promise('a plan counts targets, errors and what is not eligible, and changes nothing', async ({ store }) => {
    const [archived = ''] = await parked(store, ...many(3))
    await store.park([letterFor(fullRecord('x'), { mapping: 'email', error: { name: 'Timeout', message: '' } })])
    await store.archive({ ids: [archived] }, NOBODY)
    const plan = await store.plan({ selection: { filter: {} } })
    assert.equal(plan.selected, 3)
    assert.deepEqual(
      plan.targets.toSorted((one, other) => one.letters - other.letters),
      [
        { mapping: 'email', source: 'local/orders', letters: 1 },
        { mapping: 'charge', source: 'local/orders', letters: 2 },
      ],
    )
    assert.deepEqual(
      plan.errors.map(({ errorName, letters }) => [errorName, letters]),
      [
        ['TypeError', 2],
        ['Timeout', 1],
      ],
    )
    assert.deepEqual((await store.plan({ selection: { filter: { state: 'archived' } } })).ineligible, [
      { reason: 'archived', letters: 1 },
    ])
    const byKey = await store.plan({ selection: { filter: { key: 'base64:AP+A', reason: 'exhausted' } } })
    assert.equal(byKey.selected, 3)
    assert.deepEqual(await store.jobs(), [])
  })

  promise('what is parked, restored or failed again after a job was made is not part of it', async under => {
    const { store, advance } = under
    const [, second = ''] = await parked(store, ...many(3))
    await store.archive({ ids: [second] }, NOBODY)
    const job = await replayAll(store)
    advance(1)
    await store.restore({ ids: [second] }, NOBODY)
    await store.park([letterFor(fullRecord('later'), { parkedAt: 1_800_000_000_000 })])
    const taken = await claim(store)
    assert.deepEqual(
      taken.map(({ letter }) => letter.record.id),
      ['0', '2'],
    )
    await settle(store, taken, 'rejected')
    assert.deepEqual(await claimed(store), [])
    const status = await jobOf(store, job)
    assert.deepEqual([status.state, status.selected, status.failed, status.underWay], ['done', 2, 2, 0])
    assert.equal((await listed(store, { limit: 9, state: 'open' })).length, 4)
  })

  promise('two replays of the same letters run each of them once', async ({ store, elsewhere }) => {
    await store.park(many(10))
    const [one, other] = [await replayAll(store), await replayAll(elsewhere)]
    const taken = [await claim(store, { max: 4 }), await claim(elsewhere), await claim(store)].flat()
    assert.equal(taken.length, 10)
    assert.equal(new Set(taken.map(letter => letter.claim.id)).size, 10)
    await settle(store, taken, 'accepted')
    await claim(store)
    const [first, second] = [await jobOf(store, one), await jobOf(store, other)]
    assert.deepEqual([first.state, second.state], ['done', 'done'])
    assert.equal(first.resolved + second.resolved, 10)
  })

  promise('a rate is kept, without catching up on what was not taken', async ({ store, advance }) => {
    await store.park(many(40))
    await replayAll(store, { perSecond: 10 })
    assert.equal((await claim(store)).length, 10)
    const { letters, lookAt } = await store.claim(CLAIM)
    assert.deepEqual(letters, [])
    assert.ok(lookAt !== undefined)
    advance(100)
    assert.equal((await claim(store)).length, 1)
    advance(5_000)
    assert.equal((await claim(store)).length, 10)
  })

  promise('a rate below one in a second is kept too', async ({ store, advance }) => {
    await store.park(many(3))
    await replayAll(store, { perSecond: 0.1 })
    assert.equal((await claim(store)).length, 1)
    advance(9_000)
    assert.equal((await claim(store)).length, 0)
    advance(1_000)
    assert.equal((await claim(store)).length, 1)
  })

  promise('no more letters of a job run at once than it says', async ({ store }) => {
    await store.park(many(5))
    await replayAll(store, { concurrency: 2 })
    const first = await claim(store)
    assert.equal(first.length, 2)
    assert.deepEqual(await claimed(store), [])
    await settle(store, first.slice(0, 1), 'accepted')
    assert.equal((await claim(store)).length, 1)
  })

  promise('a canary that fares well lets the others follow', async ({ store }) => {
    await store.park(many(6))
    const job = await replayAll(store, { canary: 2, stopAt: 0.5 })
    const canary = await claim(store)
    assert.equal(canary.length, 2)
    await settle(store, canary.slice(0, 1), 'rejected')
    assert.deepEqual(await claimed(store), [])
    await settle(store, canary.slice(1), 'accepted')
    assert.equal((await claim(store)).length, 4)
    assert.equal((await jobOf(store, job)).state, 'running')
  })

  promise('a canary that fails too often stops the job, and the others stay open', async ({ store }) => {
    await store.park(many(6))
    const job = await replayAll(store, { canary: 2, stopAt: 0.1 })
    const canary = await claim(store)
    await settle(store, canary, 'rejected')
    assert.deepEqual(await claimed(store), [])
    const status = await jobOf(store, job)
    assert.equal(status.state, 'stopped')
    assert.match(status.stoppedBecause ?? '', /^2 of 2 failed, more than 10 %$/)
    assert.equal((await listed(store, { limit: 9, state: 'open' })).length, 6)
    assert.equal((await store.audit(job))[0]?.action, 'replay stopped')
  })

  promise('a paused job gives out nothing until it is resumed', async ({ store }) => {
    await store.park(many(3))
    const job = await replayAll(store)
    const [first] = await claim(store, { max: 1 })
    assert.ok(first)
    assert.equal(await store.steer(job, 'paused', NOBODY), true)
    await store.settle([{ claim: first.claim, outcome: 'returned', attempts: 0, delayMs: 0 }])
    assert.deepEqual(await claimed(store), [])
    assert.equal(await store.steer(job, 'running', NOBODY), true)
    assert.deepEqual(await claimed(store), ['0', '1', '2'])
  })

  promise('a cancelled job opens what waits, and what runs may end', async ({ store }) => {
    await store.park(many(4))
    const job = await replayAll(store)
    const [back, runs, ends] = await claim(store, { max: 3 })
    assert.ok(back && runs && ends)
    await store.settle([{ claim: back.claim, outcome: 'returned', attempts: 1, delayMs: 60_000 }])
    assert.equal(await store.steer(job, 'cancelled', NOBODY), true)
    await store.settle([
      { claim: runs.claim, outcome: 'returned', attempts: 0, delayMs: 0 },
      { claim: ends.claim, outcome: 'accepted' },
    ])
    assert.deepEqual(await claimed(store), [])
    const status = await jobOf(store, job)
    assert.deepEqual([status.state, status.resolved, status.failed, status.underWay], ['cancelled', 1, 0, 0])
    assert.equal((await listed(store, { limit: 9, state: 'open' })).length, 3)
    assert.equal(await store.steer(job, 'running', NOBODY), false)
    assert.equal(await store.steer('nobody', 'paused', NOBODY), false)
  })

  promise('a letter whose replays fail again and again is quarantined, until it is restored', async ({ store }) => {
    const [id = ''] = await parked(store, ...many(1))
    for (let times = 1; times <= 5; times += 1) {
      await replayAll(store)
      await settle(store, await claim(store), 'rejected')
      const expected = times < 5 ? 'open' : 'quarantined'
      assert.equal((await store.get(id))?.summary.state, expected)
    }
    assert.equal((await store.startReplay({ selection: { filter: {} } }, NOBODY)).job, undefined)
    assert.deepEqual((await store.plan({ selection: { filter: {} } })).ineligible, [
      { reason: 'quarantined', letters: 1 },
    ])
    assert.equal((await store.restore({ ids: [id] }, NOBODY)).changed, 1)
    assert.equal((await store.get(id))?.summary.replays, 0)
    await replayAll(store)
  })

  promise('a record that brings its replays along is quarantined when it has had enough', async ({ store }) => {
    const headers = [['millrace-replays', new TextEncoder().encode('5')]] as const
    await store.park([letterFor(fullRecord('1', { headers }))])
    await store.park([letterFor(fullRecord('2', { headers: [['millrace-replays', '4']] }))])
    assert.deepEqual(
      (await listed(store, { limit: 9 })).map(({ state, replays }) => [state, replays]),
      [
        ['open', 4],
        ['quarantined', 5],
      ],
    )
  })

  promise('the replays of a letter are its history, with who, why and how they ended', async ({ store, now }) => {
    const [id = ''] = await parked(store, ...many(1))
    const first = await replayAll(store)
    const [taken] = await claim(store)
    assert.ok(taken)
    await store.settle([{ claim: taken.claim, outcome: 'rejected', message: 'again \u0000' }])
    const at = now()
    assert.deepEqual((await store.get(id))?.history, [
      { job: first, at, outcome: 'failed', message: 'again \u0000', operator: 'ada', reason: 'mended' },
    ])
  })

  promise('letters to be sent are not given to functions, nor the other way round', async ({ store }) => {
    await store.park(many(1))
    await replayAll(store, { target: { kind: 'channel', address: 'local/other' } })
    assert.deepEqual(await claimed(store), [])
    const [letter] = await claim(store, { by: 'sending' })
    assert.deepEqual(letter?.target, { kind: 'channel', address: 'local/other' })
  })

  promise('where order counts one process works on a part, until it ends', async ({ store, elsewhere, advance }) => {
    await store.park(many(4))
    await replayAll(store)
    const ordered = { order: 'key', max: 2 }
    assert.deepEqual(await claimed(store, ordered), ['0', '1'])
    assert.deepEqual(await claimed(elsewhere, ordered), [])
    advance(LEASE_MS)
    assert.equal(await elsewhere.reclaim('charge', 'local/orders'), 2)
    assert.deepEqual(await claimed(elsewhere, ordered), ['0', '1'])
    assert.deepEqual(await claimed(store, ordered), [])
  })

  promise('the jobs there are can be listed by state, the last first', async ({ store, advance }) => {
    await store.park(many(2))
    const first = await replayAll(store)
    advance(5)
    const second = await replayAll(store)
    await store.steer(first, 'cancelled', NOBODY)
    const ids = async (filter?: object) => (await store.jobs(filter)).map(({ id }) => id)
    assert.deepEqual(await ids(), [second, first])
    assert.deepEqual(await ids({ state: 'cancelled' }), [first])
    assert.deepEqual(await ids({ limit: 1 }), [second])
  })
}
