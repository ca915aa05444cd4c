import assert from 'node:assert/strict'
import { attempt, fullRecord, letterFor } from '../../support/letters.ts'
import { MAPPING, PARKED, type Promised, SOURCE } from './under-test.ts'

export const recalling = (promise: Promised): void => {
  promise('nothing is recalled of records that nothing is known of', async ({ store }) => {
    assert.deepEqual(await store.recall(MAPPING, SOURCE, ['1']), new Map())
    await store.park([letterFor(fullRecord('1'))])
    assert.deepEqual(await store.recall(MAPPING, SOURCE, ['2']), new Map())
    assert.deepEqual(await store.recall('email', SOURCE, ['1']), new Map())
  })

  promise('a parked record is recalled as parked, whoever parked it', async ({ store, elsewhere }) => {
    const odd = `a\u0000b\ud800c${'x'.repeat(9_000)}`
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
