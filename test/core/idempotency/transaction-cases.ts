/** The promises of transactional mode, for a database with a table `effects (text)`. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { OffsetOptions, PositionedRecord } from '../../../core/idempotency/offset.ts'
import type { TransactionOptions } from '../../../core/idempotency/transaction.ts'

export interface Ledger {
  /** In a transaction: writes the effect, then returns or throws what `then` does. */
  once<Result>(key: string, effect: string, then: () => Result, options?: Partial<TransactionOptions>): Promise<Result>
  at(record: PositionedRecord, effect: string, options?: Partial<OffsetOptions>): Promise<string>
  effects(): Promise<readonly string[]>
}

const at = (offset: number, time = offset, partition = 0): PositionedRecord => ({
  time,
  position: { topic: 'orders', partition, offset },
})

export const transactionCases = (
  name: string,
  skip: string | false,
  open: (context: TestContext) => Promise<Ledger>,
) => {
  const promise = (words: string, run: (ledger: Ledger) => Promise<void>): void =>
    void test(`${name}: ${words}`, { skip }, async context => run(await open(context)))

  promise('the effect happens once, and later calls get the first result', async ({ once, effects }) => {
    const result = { charged: 5, at: new Date(0), big: 10n }
    for (let times = 0; times < 3; times += 1) assert.deepEqual(await once('a', 'charged', () => result), result)
    assert.equal(await once('b', 'charged', () => undefined), undefined)
    assert.deepEqual(await effects(), ['charged', 'charged'])
  })

  promise('what throws leaves nothing behind, and the next call runs', async ({ once, effects }) => {
    const failing = once('a', 'in vain', () => {
      throw new TypeError('mine')
    })
    await assert.rejects(failing, { name: 'TypeError', message: 'mine' })
    assert.deepEqual(await effects(), [])
    assert.equal(await once('a', 'charged', () => 1), 1)
    assert.deepEqual(await effects(), ['charged'])
  })

  promise('a hundred calls with one key at once are one effect', async ({ once, effects }) => {
    const results = await Promise.all(Array.from({ length: 100 }, (_, index) => once('a', 'charged', () => index)))
    assert.equal(new Set(results).size, 1)
    assert.deepEqual(await effects(), ['charged'])
  })

  promise('another payload, and a result that cannot be kept, are errors that roll back', async ({ once, effects }) => {
    await once('a', 'charged', () => 1, { payload: { total: 1 } })
    await assert.rejects(
      once('a', 'no', () => 1, { payload: { total: 2 } }),
      { code: 'IDEMPOTENCY_PAYLOAD_DIFFERS' },
    )
    await assert.rejects(
      once('b', 'no', () => () => 1),
      { code: 'IDEMPOTENCY_RESULT_INVALID' },
    )
    await assert.rejects(
      once('', 'no', () => 1),
      { code: 'IDEMPOTENCY_KEY_INVALID' },
    )
    assert.deepEqual(await effects(), ['charged'])
    await once('a', 'another name', () => 1, { name: 'other', payload: { total: 2 } })
    assert.deepEqual(await effects(), ['charged', 'another name'])
  })

  promise('offsets move with their effects; what comes again changes nothing', async ({ at: run, effects }) => {
    const outcomes: string[] = []
    for (const offset of [0, 1, 0, 1, 2, 5, 2, 5]) outcomes.push(await run(at(offset), `effect ${offset}`))
    assert.deepEqual(outcomes.join(), 'processed,processed,repeated,repeated,processed,processed,repeated,repeated')
    assert.equal(await run(at(0, 0, 1), 'of another partition'), 'processed')
    assert.equal(await run(at(0), 'of another consumer', { name: 'other' }), 'processed')
    assert.deepEqual(await effects(), [
      'effect 0',
      'effect 1',
      'effect 2',
      'effect 5',
      'of another partition',
      'of another consumer',
    ])
  })

  promise('an effect that fails does not move the offset', async ({ at: run, effects }) => {
    await assert.rejects(run(at(3), 'fails'))
    assert.deepEqual(await effects(), [])
    assert.equal(await run(at(3), 'mended'), 'processed')
  })

  promise('what was left out is passed once one behind it was processed', async ({ at: run, effects }) => {
    await run(at(0), 'first')
    await assert.rejects(run(at(1), 'fails'))
    await run(at(2), 'behind it')
    assert.equal(await run(at(1), 'replayed to the function'), 'repeated')
    assert.equal(await run(at(3, 1), 'replayed to its source'), 'processed')
    assert.deepEqual(await effects(), ['first', 'behind it', 'replayed to its source'])
  })

  promise('a topic that was made anew is told apart from records that come again', async ({ at: run }) => {
    await run(at(0, 100), 'a')
    await run(at(1, 200), 'b')
    assert.equal(await run(at(0, 100), 'again'), 'repeated')
    await assert.rejects(run(at(0, 300), 'anew'), { code: 'IDEMPOTENCY_PAYLOAD_DIFFERS' })
    await assert.rejects(run({ time: 0, position: { slot: 1 } }, 'no position'), { name: 'TypeError' })
  })
}
