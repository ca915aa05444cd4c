import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scopeName } from '../../../core/flow/admit.ts'
import type { Order } from '../../../core/flow/policy.ts'
import { deliveryOf } from './entries.ts'

const nameOf = (order: Order, key: string | Uint8Array | null, lane = '0'): string | null => {
  const { record } = deliveryOf('a')
  return scopeName(order, { lane, record: { ...record, key } })
}

test('without order every record stands alone', () => assert.equal(nameOf('none', 'k'), null))
test('in a lane all records follow each other, whatever their keys', () => {
  assert.equal(nameOf('lane', 'k'), nameOf('lane', null))
  assert.notEqual(nameOf('lane', 'k', '0'), nameOf('lane', 'k', '1'))
})
test('the records of a key follow each other within their lane', () => {
  assert.equal(nameOf('key', 'k'), nameOf('key', 'k'))
  assert.notEqual(nameOf('key', 'k'), nameOf('key', 'l'))
  assert.notEqual(nameOf('key', 'k', '0'), nameOf('key', 'k', '1'))
})
test('a record without a key stands alone', () => assert.equal(nameOf('key', null), null))
test('an empty key is a key', () => assert.notEqual(nameOf('key', ''), null))
test('a key of bytes is not the key of text with the same characters', () => {
  assert.notEqual(nameOf('key', Buffer.from('k')), nameOf('key', 'k'))
})
