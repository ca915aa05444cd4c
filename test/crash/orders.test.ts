import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createApp } from 'millrace'
import { temporaryFolder } from '../support/folder.ts'
import { ledger, startOrders } from '../support/orders.ts'

const KILLS = 8
const ORDERS = 300
/** Records a killed process may have had in flight: each may have been charged without its source knowing. */
const MAX_IN_FLIGHT = 400

/** Spread over start, first batches, retries and parking; the same in each run of the test. */
const lifeMs = (kill: number): number => 250 + ((kill * 977) % 2_600)

test('kill -9 of the running example at any moment loses no order and parks none twice', {
  timeout: 180_000,
}, async context => {
  const stateDir = await temporaryFolder(context)
  for (let kill = 0; kill < KILLS; kill += 1) {
    const example = startOrders(context, stateDir, ORDERS)
    await Promise.race([pause(lifeMs(kill)), example.ended])
    example.kill('SIGKILL')
    await example.ended
  }
  const last = startOrders(context, stateDir, ORDERS)
  assert.deepEqual(await last.ended, { code: 0, signal: null }, last.output() + last.errors())

  const ordered = new Set(ledger(stateDir, 'ordered'))
  const charges = ledger(stateDir, 'charged')
  const charged = new Set(charges)
  const app = createApp({ name: 'reader', stateDir, mappings: {} })
  const letters = await app.deadLetters.list({ mapping: 'charge', limit: 100_000 })
  await app.stop()
  const parked = letters.map(letter => letter.recordId)

  assert.equal(ordered.size, ORDERS)
  assert.deepEqual(
    [...ordered].filter(id => !charged.has(id) && !parked.includes(id)),
    [],
    'orders that were lost',
  )
  assert.equal(new Set(parked).size, parked.length, 'orders that were parked twice')
  assert.deepEqual(
    parked.filter(id => charged.has(id)),
    [],
    'orders that were charged and parked',
  )
  assert.equal(parked.length, (ORDERS * 3) / 100, 'exactly the orders that cannot succeed are parked')
  assert.ok(
    charges.length - charged.size <= KILLS * MAX_IN_FLIGHT,
    `${charges.length - charged.size} charges were repeated`,
  )
  assert.ok(
    letters.every(letter => letter.attempts <= 4),
    'attempts survive a kill: none has more than maxAttempts',
  )
})
