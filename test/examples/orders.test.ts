import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { temporaryFolder } from '../support/folder.ts'
import { startOrders } from '../support/orders.ts'

const lines = (text: string): readonly string[] => text.split('\n').filter(line => line !== '')

test('the orders example says what its expected output says', { timeout: 180_000 }, async context => {
  const example = startOrders(context, await temporaryFolder(context), 60)
  assert.deepEqual(await example.ended, { code: 0, signal: null }, example.output() + example.errors())
  // Batches fall as the machine has time; what becomes of each order does not.
  const told = lines(example.output())
    .map(line => line.replace(/^\S+ {2}/, ''))
    .filter(line => !/^(charge|email): batch of/.test(line))
  const expected = lines(readFileSync('examples/orders/expected.txt', 'utf8'))
  assert.deepEqual(told.toSorted(), expected.toSorted())
  assert.match(
    example.output(),
    /charge: batch of \d+ in [\d.]+ ms \(cold start\): \d+ done; order-000005 failed: the bank did not answer/,
  )
})

test('Ctrl-C lets the orders example finish what runs, and the next start goes on where it was', {
  timeout: 180_000,
}, async context => {
  const stateDir = await temporaryFolder(context)
  const first = startOrders(context, stateDir)
  await first.line(/charge: batch of/)
  first.kill('SIGINT')
  assert.deepEqual(await first.ended, { code: 0, signal: null })
  assert.match(first.output(), /stopped\n$/)
  const second = startOrders(context, stateDir, 60)
  assert.deepEqual(await second.ended, { code: 0, signal: null })
  assert.match(second.output(), /accounts: 60 ordered = 58 charged \+ 2 dead letters \+ 0 on their way/)
})
