import assert from 'node:assert/strict'
import { fullRecord, letterFor } from '../../support/letters.ts'
import { DAY_MS, listed, MAPPING, NOBODY, type Promised, parked, replayAll, resolve } from './under-test.ts'

const PARKED_AT = 1_700_000_001_000
const json = (data: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(data))

export const finding = (promise: Promised): void => {
  promise('a list shows the last parked first, page by page', async ({ store }) => {
    await store.park(['1', '2', '3', '4', '5'].map(id => letterFor(fullRecord(id))))
    const first = await store.page({ limit: 2 })
    const second = await store.page({ limit: 9, before: first.next ?? '' })
    assert.deepEqual(
      [...first.letters, ...second.letters].map(({ recordId }) => recordId),
      ['5', '4', '3', '2', '1'],
    )
    assert.equal(second.next, undefined)
  })

  promise('a list is filtered by mapping and state, and shows the unresolved by default', async ({ store }) => {
    const [resolved = ''] = await parked(store, letterFor(fullRecord('1')), letterFor(fullRecord('2')))
    await store.park([letterFor(fullRecord('3'), { mapping: 'email' })])
    await resolve(store, resolved)
    const ids = async (filter: object) =>
      (await listed(store, { limit: 10, ...filter })).map(({ recordId }) => recordId)
    assert.deepEqual(await ids({}), ['3', '2'])
    assert.deepEqual(await ids({ mapping: MAPPING }), ['2'])
    assert.deepEqual(await ids({ state: 'resolved' }), ['1'])
    assert.deepEqual(await ids({ mapping: 'email', state: 'open' }), ['3'])
    assert.deepEqual(await ids({ mapping: 'email', state: 'quarantined' }), [])
    assert.deepEqual(await store.counts(), [
      { mapping: MAPPING, state: 'open', letters: 1 },
      { mapping: MAPPING, state: 'resolved', letters: 1 },
      { mapping: 'email', state: 'open', letters: 1 },
    ])
  })

  promise('a list is filtered by everything a letter says, alone and together', async ({ store }) => {
    const error = { name: 'Timeout', message: 'the bank took 31 s' }
    await store.park([
      letterFor(fullRecord('text', { key: 'order-1' })),
      letterFor(
        fullRecord('bytes', { source: 'local/other', body: json({ order: { lines: [{ sku: 'x7' }], paid: false } }) }),
      ),
      letterFor(
        fullRecord('long', { key: 'k'.repeat(9_000), headers: [['tenant', new TextEncoder().encode('acme')]] }),
        {
          error,
          reason: 'expired',
          function: { name: 'mail', version: 'v2' },
        },
      ),
    ])
    const found = async (filter: object) =>
      (await listed(store, { limit: 10, ...filter })).map(({ recordId }) => recordId)
    const [long] = await listed(store, { limit: 1 })
    const cases: readonly (readonly [object, readonly string[]])[] = [
      [{ key: 'order-1' }, ['text']],
      [{ key: 'base64:AP+A' }, ['bytes']],
      [{ key: long?.key }, ['long']],
      [{ key: 'k'.repeat(9_000) }, ['long']],
      [{ function: 'mail' }, ['long']],
      [{ error: 'Timeout' }, ['long']],
      [{ reason: 'expired' }, ['long']],
      [{ fingerprint: long?.fingerprint }, ['long']],
      [{ source: 'local/other' }, ['bytes']],
      [{ headers: [{ name: 'tenant', value: 'acme' }] }, ['long']],
      [{ headers: [{ name: 'trace' }] }, ['bytes', 'text']],
      [
        {
          headers: [
            { name: 'trace', value: 'a' },
            { name: 'big', value: '12345678901234567890' },
          ],
        },
        ['bytes', 'text'],
      ],
      [{ fields: [{ path: 'order.lines.0.sku', value: 'x7' }] }, ['bytes']],
      [{ fields: [{ path: 'order.paid', value: 'false' }] }, ['bytes']],
      [{ fields: [{ path: 'order.toString', value: 'x' }] }, []],
      [{ mapping: MAPPING, error: 'TypeError', source: 'local/orders' }, ['text']],
      [{ mapping: MAPPING, error: 'Timeout', key: 'order-1' }, []],
    ]
    for (const [filter, expected] of cases) assert.deepEqual(await found(filter), expected, JSON.stringify(filter))
  })

  promise('a list is filtered by when a record was parked first', async ({ store }) => {
    await store.park([0, 1, 2].map(day => letterFor(fullRecord(`${day}`), { parkedAt: PARKED_AT + day * DAY_MS })))
    const found = async (filter: object) =>
      (await listed(store, { limit: 10, ...filter })).map(({ recordId }) => recordId)
    assert.deepEqual(await found({ since: PARKED_AT + DAY_MS }), ['2', '1'])
    assert.deepEqual(await found({ until: PARKED_AT + DAY_MS }), ['0'])
    assert.deepEqual(await found({ since: PARKED_AT + 1, until: PARKED_AT + 2 * DAY_MS }), ['1'])
  })

  promise('what a filter matches is found however far it is, each once, page by page', async ({ store }) => {
    const rare = new Set([0, 3, 199, 200, 201, 399, 449])
    await store.park(
      Array.from({ length: 450 }, (_, index) =>
        letterFor(fullRecord(`${index}`, { headers: rare.has(index) ? [['rare', 'yes']] : [] })),
      ),
    )
    for (const limit of [1, 3, 100]) {
      const found: string[] = []
      let next: string | undefined
      do {
        const page = await store.page({ headers: [{ name: 'rare' }], limit, ...(next ? { before: next } : {}) })
        found.push(...page.letters.map(({ recordId }) => recordId))
        next = page.next
      } while (next !== undefined)
      assert.deepEqual(found, ['449', '399', '201', '200', '199', '3', '0'], `${limit} a page`)
    }
  })

  promise('letters are grouped and counted, the largest group first', async ({ store }) => {
    const other = { error: { name: 'Timeout', message: 'took 31 s' }, parkedAt: PARKED_AT + DAY_MS }
    await store.park([
      letterFor(fullRecord('1'), { error: { name: 'TypeError', message: 'order 17 is wrong' } }),
      letterFor(fullRecord('2'), { error: { name: 'TypeError', message: 'order 18 is wrong' } }),
      letterFor(fullRecord('3'), { ...other, mapping: 'email', function: { name: 'mail', version: 'v1' } }),
    ])
    const shown = async (by: 'error' | 'function' | 'mapping' | 'day', filter: object = {}) =>
      (await store.groups({ by, limit: 10, ...filter })).map(({ group, letters, errorName }) =>
        by === 'error' ? [errorName, letters] : [group, letters],
      )
    assert.deepEqual(await shown('error'), [
      ['TypeError', 2],
      ['Timeout', 1],
    ])
    assert.deepEqual(await shown('function'), [
      ['charge', 2],
      ['mail', 1],
    ])
    assert.deepEqual(await shown('mapping', { limit: 1 }), [[MAPPING, 2]])
    assert.deepEqual(await shown('mapping', { offset: 1 }), [['email', 1]])
    assert.deepEqual(await shown('day'), [
      ['2023-11-15', 1],
      ['2023-11-14', 2],
    ])
    assert.deepEqual(await shown('day', { mapping: 'email' }), [['2023-11-15', 1]])
    assert.deepEqual(await shown('mapping', { until: PARKED_AT + 60_000 }), [[MAPPING, 2]])
  })

  promise('groups follow what becomes of their letters', async ({ store }) => {
    const [id = ''] = await parked(store, letterFor(fullRecord('1')), letterFor(fullRecord('2')))
    const letters = async (filter: object = {}) =>
      (await store.groups({ by: 'mapping', limit: 1, ...filter }))[0]?.letters
    await resolve(store, id)
    assert.equal(await letters(), 1)
    assert.equal(await letters({ state: 'resolved' }), 1)
    await replayAll(store)
    await store.claim({
      mapping: MAPPING,
      source: 'local/orders',
      by: 'function',
      order: 'none',
      max: 9,
      maxBytes: 9,
      leaseMs: 9,
    })
    assert.equal(await letters({ state: 'replaying' }), 1)
    await store.purge({ ids: [id] }, NOBODY)
    assert.equal(await letters({ state: 'resolved' }), undefined)
    await store.park([letterFor(fullRecord('2'), { error: { name: 'Other', message: '' }, parkedAt: PARKED_AT + 9 })])
    const [only, ...more] = await store.groups({ by: 'error', limit: 9 })
    assert.deepEqual(more, [])
    assert.deepEqual([only?.errorName, only?.firstAt, only?.lastAt], ['Other', PARKED_AT, PARKED_AT + 9])
  })
}
