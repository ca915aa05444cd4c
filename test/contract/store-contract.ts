/** The promises of a dead letter store, tested for each store by giving its harness. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { DeadLetter, JointWrite } from '../../core/contract.ts'
import type { LetterStore } from '../../dlq/store.ts'
import { attempt, fullRecord, letterFor } from '../support/letters.ts'

export interface StoreUnderTest {
  readonly store: LetterStore
  /** The same letters, seen by another process. */
  readonly elsewhere: LetterStore
  advance(ms: number): void
  /** A write in the store's own database, and whether it was kept; undefined where there is no joint transaction. */
  readonly joint?: { readonly write: JointWrite; readonly failing: JointWrite; kept(): boolean }
}

export type OpenStore = (context: TestContext) => Promise<StoreUnderTest>

const MAPPING = 'charge'
const SOURCE = 'local/orders'
const LEASE_MS = 30_000
const CLAIM = { mapping: MAPPING, source: SOURCE, max: 100, maxBytes: 64_000_000, leaseMs: LEASE_MS }
const DAY_MS = 24 * 3_600_000

const parked = async (store: LetterStore, ...letters: readonly DeadLetter[]): Promise<readonly string[]> => {
  await store.park(letters)
  const listed = await store.list({ limit: 1_000 })
  return letters.map(({ record }) => listed.find(({ recordId }) => recordId === record.id)?.id ?? 'not listed')
}

export const storeContract = (name: string, open: OpenStore): void => {
  const promise = (words: string, run: (under: StoreUnderTest) => Promise<void>): void => {
    test(`${name}: ${words}`, async context => run(await open(context)))
  }
  parking(promise)
  recalling(promise)
  operating(promise)
  replaying(promise)
}

type Promised = (words: string, run: (under: StoreUnderTest) => Promise<void>) => void

const parking = (promise: Promised): void => {
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
    const [only, ...more] = await store.list({ limit: 10 })
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
      assert.equal((await store.list({ limit: 10 })).length, 5)
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
    assert.deepEqual(await store.list({ limit: 10 }), [])
    assert.equal(joint.kept(), false)
    assert.equal(await store.park([letterFor(fullRecord('1'))], joint.write), 'settled')
    assert.equal((await store.list({ limit: 10 })).length, 1)
    assert.equal(joint.kept(), true)
  })

  promise('a joint write of another database is left to its owner', async ({ store }) => {
    const foreign: JointWrite = { database: {}, write: () => assert.fail('was run') }
    assert.equal(await store.park([letterFor(fullRecord('1'))], foreign), 'parked')
  })
}

const recalling = (promise: Promised): void => {
  promise('nothing is recalled of records that nothing is known of', async ({ store }) => {
    assert.deepEqual(await store.recall(MAPPING, SOURCE, ['1']), new Map())
    await store.park([letterFor(fullRecord('1'))])
    assert.deepEqual(await store.recall(MAPPING, SOURCE, ['2']), new Map())
    assert.deepEqual(await store.recall('email', SOURCE, ['1']), new Map())
  })

  promise('a parked record is recalled as parked, whoever parked it', async ({ store, elsewhere }) => {
    const odd = 'a\u0000b\ud800c'
    for (const reader of [store, elsewhere]) assert.equal((await reader.recall(MAPPING, SOURCE, [odd])).size, 0)
    await store.park([letterFor(fullRecord(odd)), letterFor(fullRecord('weak', { idStrength: 'weak' }))])
    for (const reader of [store, elsewhere])
      assert.deepEqual(await reader.recall(MAPPING, SOURCE, ['0', odd, 'weak']), new Map([[odd, PARKED]]))
  })

  promise('remembered attempts are recalled until they are replaced or forgotten', async ({ store, elsewhere }) => {
    assert.equal((await elsewhere.recall(MAPPING, SOURCE, ['1'])).size, 0)
    await store.remember(MAPPING, SOURCE, [{ id: '1', attempts: [attempt(1)] }])
    await store.remember(MAPPING, SOURCE, [{ id: '1', attempts: [attempt(1), attempt(2)] }])
    assert.deepEqual(
      await elsewhere.recall(MAPPING, SOURCE, ['1', '2']),
      new Map([['1', { parked: false, attempts: [attempt(1), attempt(2)] }]]),
    )
    await elsewhere.forget(MAPPING, SOURCE, ['1', '2'])
    assert.deepEqual(await store.recall(MAPPING, SOURCE, ['1']), new Map())
  })

  promise('a remembered record is recalled with the time before which it is not to be tried', async under => {
    const { store, elsewhere } = under
    const entry = { id: '1', attempts: [attempt(1)], dueAt: 1_700_000_500_000, freeSince: 1_700_000_400_000 }
    await store.remember(MAPPING, SOURCE, [entry, { id: '2', attempts: [] }])
    assert.deepEqual(
      await elsewhere.recall(MAPPING, SOURCE, ['1', '2']),
      new Map([
        ['1', { parked: false, attempts: [attempt(1)], dueAt: 1_700_000_500_000, freeSince: 1_700_000_400_000 }],
        ['2', { parked: false, attempts: [] }],
      ]),
    )
    await store.remember(MAPPING, SOURCE, [{ id: '1', attempts: [attempt(1)] }])
    assert.equal((await elsewhere.recall(MAPPING, SOURCE, ['1'])).get('1')?.dueAt, undefined)
  })

  promise('parking forgets the attempts that were remembered', async ({ store }) => {
    await store.remember(MAPPING, SOURCE, [{ id: '1', attempts: [attempt(1)] }])
    await store.park([letterFor(fullRecord('1'))])
    assert.deepEqual(await store.recall(MAPPING, SOURCE, ['1']), new Map([['1', PARKED]]))
  })
}

const PARKED = { parked: true, attempts: [] }

const operating = (promise: Promised): void => {
  promise('a list shows the last parked first, page by page', async ({ store }) => {
    await store.park(['1', '2', '3', '4', '5'].map(id => letterFor(fullRecord(id))))
    const first = await store.list({ limit: 2 })
    const second = await store.list({ limit: 9, before: first.at(-1)?.id ?? '' })
    assert.deepEqual(
      [...first, ...second].map(({ recordId }) => recordId),
      ['5', '4', '3', '2', '1'],
    )
  })

  promise('a list is filtered by mapping and state, and shows the unresolved by default', async ({ store }) => {
    const [resolved = '', requested = ''] = await parked(store, letterFor(fullRecord('1')), letterFor(fullRecord('2')))
    await store.park([letterFor(fullRecord('3'), { mapping: 'email' })])
    await resolve(store, resolved)
    await store.requestReplay({ ids: [requested] })
    const ids = async (filter: object) => (await store.list({ limit: 10, ...filter })).map(({ recordId }) => recordId)
    assert.deepEqual(await ids({}), ['3', '2'])
    assert.deepEqual(await ids({ mapping: MAPPING }), ['2'])
    assert.deepEqual(await ids({ state: 'resolved' }), ['1'])
    assert.deepEqual(await ids({ mapping: 'email', state: 'open' }), ['3'])
    assert.deepEqual(await ids({ mapping: 'email', state: 'requested' }), [])
    assert.deepEqual(await store.counts(), [
      { mapping: MAPPING, state: 'requested', letters: 1 },
      { mapping: MAPPING, state: 'resolved', letters: 1 },
      { mapping: 'email', state: 'open', letters: 1 },
    ])
  })

  promise('a replay request names the letters it does not replay, and why', async ({ store }) => {
    const [open = '', resolved = '', requested = '', replaying = ''] = await parked(
      store,
      ...['1', '2', '3', '4'].map(id => letterFor(fullRecord(id))),
    )
    await resolve(store, resolved)
    await store.requestReplay({ ids: [replaying] })
    await store.claim(CLAIM)
    await store.requestReplay({ ids: [requested] })
    assert.deepEqual(await store.requestReplay({ ids: [open, open, resolved, requested, replaying, 'nobody'] }), {
      requested: 1,
      refused: [
        { id: resolved, reason: 'resolved' },
        { id: requested, reason: 'already requested' },
        { id: replaying, reason: 'being replayed' },
        { id: typed('nobody'), reason: 'unknown' },
      ],
    })
  })

  promise('all open letters, or those of a mapping, can be requested at once', async ({ store }) => {
    await store.park([letterFor(fullRecord('1')), letterFor(fullRecord('2'), { mapping: 'email' })])
    assert.deepEqual(await store.requestReplay({ all: true, mapping: 'email' }), { requested: 1, refused: [] })
    assert.deepEqual(await store.requestReplay({ all: true }), { requested: 1, refused: [] })
    assert.deepEqual(await store.requestReplay({ all: true }), { requested: 0, refused: [] })
  })

  promise('requested letters that nobody takes are pending, with how long', async ({ store, advance }) => {
    await store.park([letterFor(fullRecord('1')), letterFor(fullRecord('2'))])
    assert.deepEqual(await store.pendingReplays(), [])
    await store.requestReplay({ all: true })
    advance(31_000)
    assert.deepEqual(await store.pendingReplays(), [{ mapping: MAPPING, source: SOURCE, letters: 2, waitedMs: 31_000 }])
    await store.claim(CLAIM)
    assert.deepEqual(await store.pendingReplays(), [])
  })

  promise('resolved letters are kept for a week and then removed', async ({ store, advance }) => {
    const [old = '', later = ''] = await parked(store, letterFor(fullRecord('1')), letterFor(fullRecord('2')))
    await resolve(store, old)
    advance(8 * DAY_MS)
    assert.equal((await store.get(old))?.summary.state, 'resolved')
    await resolve(store, later)
    assert.equal(await store.get(old), undefined)
    assert.equal((await store.get(later))?.summary.state, 'resolved')
  })
}

const typed = (id: string): string => id.replaceAll('o', '0')

const resolve = async (store: LetterStore, id: string): Promise<void> => {
  await store.requestReplay({ ids: [id] })
  const { letters } = await store.claim(CLAIM)
  const claim = letters.find(letter => letter.claim.id === id)?.claim
  assert.ok(claim)
  await store.settle([{ claim, outcome: 'accepted' }])
}

const replaying = (promise: Promised): void => {
  promise('claims take the oldest first, at most so many and so many bytes, but always one', async ({ store }) => {
    const body = new Uint8Array(600)
    await store.park(['1', '2', '3', '4'].map(id => letterFor(fullRecord(id, { body }))))
    await store.requestReplay({ all: true })
    const claimed = async (change: object) =>
      (await store.claim({ ...CLAIM, ...change })).letters.map(({ letter }) => letter.record.id)
    assert.deepEqual(await claimed({ maxBytes: 1 }), ['1'])
    assert.deepEqual(await claimed({ maxBytes: 601 }), ['2', '3'])
    assert.deepEqual(await claimed({ max: 1 }), ['4'])
    assert.deepEqual(await claimed({}), [])
  })

  promise('a letter is claimed by one process only', async ({ store, elsewhere }) => {
    await store.park([letterFor(fullRecord('1'))])
    await store.requestReplay({ all: true })
    const both = await Promise.all([store.claim(CLAIM), elsewhere.claim(CLAIM)])
    assert.equal(both.flatMap(({ letters }) => letters).length, 1)
  })

  promise('a failed replay opens its letter again, once, however it is told', async ({ store }) => {
    for (const record of [fullRecord('1'), fullRecord('weak', { idStrength: 'weak' })]) {
      const [id = ''] = await parked(store, letterFor(record))
      await store.requestReplay({ ids: [id] })
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
    assert.equal((await store.list({ limit: 10 })).length, 2)
  })

  promise('an ended lease is claimed by another, and the verdict of the first does nothing', async under => {
    const { store, elsewhere, advance } = under
    const [id = ''] = await parked(store, letterFor(fullRecord('1')))
    await store.requestReplay({ all: true })
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
    await store.requestReplay({ all: true })
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
    await store.requestReplay({ all: true })
    const [claimed] = (await store.claim(CLAIM)).letters
    assert.ok(claimed)
    await store.settle([{ claim: claimed.claim, outcome: 'returned', attempts: 2, delayMs: 5_000 }])
    assert.equal((await store.claim(CLAIM)).letters.length, 0)
    advance(5_000)
    const [again] = (await store.claim(CLAIM)).letters
    assert.equal(again?.attempts, 2)
    assert.equal(again?.priorClaims, 0)
    assert.equal(again?.requestedAt, claimed.requestedAt)
  })

  promise('a record that is parked again after its letter was resolved is a new letter', async ({ store }) => {
    const [id = ''] = await parked(store, letterFor(fullRecord('1')))
    await resolve(store, id)
    assert.deepEqual(await store.recall(MAPPING, SOURCE, ['1']), new Map())
    await store.park([letterFor(fullRecord('1', { body: null }))])
    const [again] = await store.list({ limit: 10 })
    assert.notEqual(again?.id, id)
    assert.equal((await store.get(id))?.summary.state, 'resolved')
  })
}
