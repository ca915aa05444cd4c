import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PLANTS } from './plants.ts'
import { REGRESSIONS } from './regressions.ts'
import { failureText, simulate } from './simulate.ts'

/** A subset for every commit; `npm run simulate` takes as many as one likes. */
const SEEDS = 150
/** A mistake that no seed of so many sees is not seen. */
const PLANT_SEEDS = 100

test(`the promises hold in ${SEEDS} seeds`, async () => {
  let invocations = 0
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const result = await simulate(seed)
    assert.deepEqual(result.violations, [], failureText(seed, result))
    invocations += result.invocations
  }
  assert.ok(invocations > 10 * SEEDS, 'a simulation in which nothing happens shows nothing')
})

for (const [seed, found] of REGRESSIONS)
  test(`seed ${seed} stays mended: ${found}`, async () => {
    const result = await simulate(seed)
    assert.deepEqual(result.violations, [], failureText(seed, result))
  })

test('the same seed runs the same, and another one differently', async () => {
  const [first, again, other] = [await simulate(7), await simulate(7), await simulate(8)]
  assert.equal(first.traceHash, again.traceHash)
  assert.notEqual(first.traceHash, other.traceHash)
})

for (const [mistake, plant] of Object.entries(PLANTS))
  test(`the simulation sees a planted mistake: ${mistake}`, async () => {
    let seen = 0
    for (let seed = 1; seed <= PLANT_SEEDS && seen === 0; seed += 1)
      seen = (await simulate(seed, plant)).violations.length
    assert.ok(seen > 0, `${mistake} went unseen in ${PLANT_SEEDS} seeds`)
  })
