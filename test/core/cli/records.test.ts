import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyLine, bytes, headerOption, recordLine } from '../../../core/cli/records.ts'

const none = { headers: [] }

test('a line that is a JSON body is sent as it stands, with the key and headers of the command', () => {
  assert.deepEqual(bodyLine(' {"a": 1}', none), { record: { body: bytes(' {"a": 1}') } })
  assert.deepEqual(bodyLine('1', { key: 'k', headers: [['h', 'v']] }), {
    record: { key: 'k', headers: [['h', 'v']], body: bytes('1') },
  })
  assert.match((bodyLine('nope', none) as { problem: string }).problem, /^is not JSON: /)
})

test('a line that is a record says its own key, headers, id and delay', () => {
  const written = { key: 'own', headers: { a: '1' }, data: { x: [1] }, id: 'i', delay: '2s' }
  assert.deepEqual(recordLine(JSON.stringify(written), { key: 'k', headers: [['h', 'v']] }), {
    record: {
      key: 'own',
      headers: [
        ['h', 'v'],
        ['a', '1'],
      ],
      id: 'i',
      delayMs: 2_000,
      body: bytes('{"x":[1]}'),
    },
  })
})

test('body is text as it stands, null is a tombstone, key null takes the key away, headers may repeat', () => {
  assert.deepEqual(recordLine('{"body":"{ }"}', none), { record: { body: bytes('{ }') } })
  assert.deepEqual(recordLine('{"body":null,"key":null}', { key: 'k', headers: [] }), {
    record: { key: null, body: null },
  })
  assert.deepEqual(recordLine('{"data":null,"headers":[["a","1"],["a","2"]]}', none), {
    record: {
      headers: [
        ['a', '1'],
        ['a', '2'],
      ],
      body: bytes('null'),
    },
  })
})

test('what is no record is said, never guessed at', () => {
  const wrong = [
    ['nope', /is not JSON/],
    ['[]', /must be an object with body or data/],
    ['{}', /must have either body \(text\) or data \(JSON\)/],
    ['{"body":"a","data":1}', /must have either/],
    ['{"body":{}}', /body must be text or null; JSON is data/],
    ['{"dta":1}', /dta is not part of a record; did you mean data\?/],
    ['{"data":1,"key":5}', /key must be text or null/],
    ['{"data":1,"id":""}', /id must be text that is not empty/],
    ['{"data":1,"delay":"2"}', /delay must be a duration/],
    ['{"data":1,"headers":"a"}', /headers must be an object, or a list/],
    ['{"data":1,"headers":[["a"]]}', /headers must be/],
  ] as const
  for (const [line, said] of wrong) assert.match((recordLine(line, none) as { problem: string }).problem, said)
})

test('a header option is split at its first equals sign', () => {
  assert.deepEqual(headerOption('a=b=c'), ['a', 'b=c'])
  assert.deepEqual(headerOption('a='), ['a', ''])
  assert.equal(headerOption('=b'), undefined)
  assert.equal(headerOption('a'), undefined)
})
