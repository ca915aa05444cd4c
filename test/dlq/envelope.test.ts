import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventRecord } from '../../core/contract.ts'
import { decodeLetter, encodeLetter } from '../../dlq/envelope.ts'
import { fullRecord, letterFor } from '../support/letters.ts'

const there = (record: EventRecord): EventRecord => decodeLetter(encodeLetter(letterFor(record))).record

test('bytes, keys, headers, properties and position survive being written as text', () => {
  const letter = letterFor(fullRecord('1'), { replayOf: '01kpw72g3001', reason: 'starved' })
  assert.deepEqual(decodeLetter(encodeLetter(letter)), letter)
})

test('a text key stays text and a key of bytes stays bytes', () => {
  assert.equal(there(fullRecord('1', { key: 'order-1' })).key, 'order-1')
  assert.deepEqual(there(fullRecord('1', { key: new Uint8Array() })).key, new Uint8Array())
  assert.equal(there(fullRecord('1', { key: null })).key, null)
})

test('a tombstone, an empty body and a record without properties and position stay what they are', () => {
  const { properties: _, position: __, ...bare } = fullRecord('1', { body: null, headers: [] })
  assert.deepEqual(there(bare), bare)
  assert.deepEqual(there(fullRecord('1', { body: new Uint8Array() })).body, new Uint8Array())
})

test('an id with control characters and half a surrogate pair stays what it is', () => {
  assert.equal(there(fullRecord('a\u0000b\ud800')).id, 'a\u0000b\ud800')
})

test('the text is JSON that names its version', () => {
  assert.equal(JSON.parse(encodeLetter(letterFor(fullRecord('1')))).envelope, 1)
})

test('text of a newer version is refused by name', () => {
  const newer = JSON.stringify({ ...JSON.parse(encodeLetter(letterFor(fullRecord('1')))), envelope: 2 })
  assert.throws(() => decodeLetter(newer), { code: 'DEAD_LETTER_UNREADABLE', message: /version 1 or older, got 2/ })
})

test('text that is no letter is refused', () => {
  for (const text of ['', '{', 'null', '[]', '3', '{"envelope":1}', '{"envelope":1,"record":null}'])
    assert.throws(() => decodeLetter(text), { code: 'DEAD_LETTER_UNREADABLE' }, text)
})
