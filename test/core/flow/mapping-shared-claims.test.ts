/** Records whose source tells the loss of all their claims by one signal. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Delivery } from '../../../core/contract.ts'
import { deliveryOf } from './entries.ts'
import { feed } from './feed.ts'
import { ACCEPT, setUp } from './running.ts'

/** Two records of a lane, as a source has them that takes another signal for those it did not lose. */
const sharing = () => {
  const [first, second] = [new AbortController(), new AbortController()]
  let current = first
  const delivery = (id: string, lost: () => AbortSignal): Delivery =>
    Object.defineProperty({ ...deliveryOf(id) }, 'lost', { get: lost, enumerable: true })
  const kept = delivery('kept', () => current.signal)
  const gone = delivery('gone', () => first.signal)
  const loseOne = (): void => {
    current = second
    first.abort()
  }
  return { kept, gone, loseOne, loseAll: () => second.abort() }
}

const mappingOf = async (...deliveries: readonly Delivery[]) => {
  const { source, settled } = feed(...deliveries)
  const set = await setUp({
    policy: { maxConcurrency: 5, maxInFlight: 10 },
    answer: () => ACCEPT,
    invokeMs: 1_000,
    openSource: async () => source,
  })
  await set.mapping.start()
  await set.pass(50)
  return { ...set, settled }
}

test('of claims with one signal only those are lost that are: the others are settled', async () => {
  const { kept, gone, loseOne } = sharing()
  const { mapping, pass, settled } = await mappingOf(kept, gone)
  loseOne()
  assert.equal(mapping.status().inFlight, 1)
  await pass(2_000)
  assert.deepEqual(
    settled.map(({ delivery, outcome }) => `${delivery.record.id} ${outcome}`),
    ['kept accepted'],
  )
  assert.deepEqual([mapping.status().counts.lost, mapping.status().inFlight], [1, 0])
  await mapping.stop()
})

test('a claim that outlived its signal is lost by the next one', async () => {
  const { kept, gone, loseOne, loseAll } = sharing()
  const { mapping, pass, settled } = await mappingOf(kept, gone)
  loseOne()
  loseAll()
  assert.deepEqual([mapping.status().counts.lost, mapping.status().inFlight], [2, 0])
  await pass(2_000)
  assert.deepEqual(settled, [])
  await mapping.stop()
})
