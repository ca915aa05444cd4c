/** Records a function names as untried: they come again, free of charge and not hot. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome } from '../../../core/engine/contract.ts'
import { ACCEPT, setUp, THROW } from './running.ts'

const untried = (...ids: readonly string[]): Outcome => ({
  kind: 'answered',
  value: { batchItemFailures: ids.map(itemIdentifier => ({ itemIdentifier, untried: true })) },
  refused: [],
})

test('a function that stops early is given the rest again, which is not charged', async () => {
  const { mapping, send, pass, invoked, letters } = await setUp({
    policy: { maxAttempts: 1 },
    answer: ids => (ids.length > 1 ? untried(...ids.slice(1)) : ACCEPT),
  })
  await send('a', 'b', 'c')
  await mapping.start()
  await pass(60_000)
  assert.deepEqual(
    invoked.map(({ ids }) => ids),
    ['a b c', 'b c', 'c'],
  )
  assert.deepEqual([mapping.status().counts.accepted, letters.size], [3, 0])
  await mapping.stop()
})

test('a function that never comes to a record does not run hot, and the record starves', async () => {
  const { mapping, send, pass, invoked, letters } = await setUp({
    policy: { maxFreeWaitMs: 600_000 },
    answer: ids => untried(...ids),
  })
  await send('a')
  await mapping.start()
  await pass(900_000)
  assert.deepEqual([letters.get('a')?.reason, letters.get('a')?.attempts.length], ['starved', 0])
  assert.ok(invoked.length <= 300, `${invoked.length} invocations in 10 minutes`)
  await mapping.stop()
})

test('a probe whose record was not tried does not close the breaker, and the next one waits', async () => {
  let broken = true
  const { mapping, send, pass, invoked } = await setUp({
    policy: { batchSize: 1, breaker: { failures: 1, initialMs: 1_000, maxMs: 2_000 } },
    answer: (ids, [first]) => (!broken ? ACCEPT : first?.attempt === 1 ? THROW : untried(...ids)),
  })
  await send('a')
  await mapping.start()
  await pass(20_000)
  assert.equal(mapping.status().breaker, 'open')
  assert.ok(invoked.length > 3 && invoked.length <= 13, `${invoked.length} invocations in 20 seconds`)
  broken = false
  await pass(5_000)
  assert.deepEqual([mapping.status().breaker, mapping.status().counts.accepted], ['closed', 1])
  await mapping.stop()
})
