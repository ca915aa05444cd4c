import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonLine, type LogLine, plainLine } from '../../../core/cli/lines.ts'
import { age, count, cut, group, printable, printableLines, table } from '../../../core/cli/text.ts'
import { MillraceError } from '../../../core/errors.ts'

test('nothing in a text can draw on the screen, hide or reorder other text', () => {
  const pairs = [
    ['plain äöü 漢字 👍', 'plain äöü 漢字 👍'],
    ['\x1b[2J\x1b]0;title\x07', '\\x1b[2J\\x1b]0;title\\x07'],
    ['\u009b31m', '\\x9b31m'],
    ['a\nb\tc\rd', 'a\\x0ab\\x09c\\x0dd'],
    ['\u202eabc', '\\u{202e}abc'],
    ['a\u200bb\u2028c', 'a\\u{200b}b\\u{2028}c'],
    ['\ud800', '\\u{d800}'],
  ] as const
  for (const [text, shown] of pairs) assert.equal(printable(text), shown)
  assert.equal(printableLines('a\r\nb\tc\x1b[1m\rd'), 'a\nb\tc\\x1b[1m\\x0dd')
})

test('a table has columns as wide as they need, numbers to the right', () => {
  assert.deepEqual(
    table([
      ['NAME', 'COUNT', 'WHAT'],
      ['a', 5, 'x'],
      ['long name', 12_000, ''],
    ]),
    ['NAME        COUNT  WHAT', 'a               5  x', 'long name  12,000'],
  )
})

test('texts are cut by characters, not through them', () => {
  assert.equal(cut('abc', 3), 'abc')
  assert.equal(cut('abcd', 3), 'ab…')
  assert.equal(cut('👍👍👍', 2), '👍…')
})

test('numbers and ages are written for people', () => {
  assert.equal(count(1, 'record'), '1 record')
  assert.equal(count(1_234, 'record'), '1,234 records')
  assert.equal(group(1_234_567), '1,234,567')
  assert.deepEqual([0, 999, 1_000, 59_999, 60_000, 3_600_000, 172_800_000].map(age), [
    'now',
    'now',
    '1s',
    '59s',
    '1m',
    '1h',
    '2d',
  ])
})

const line = (fields: LogLine['fields']): LogLine => ({
  time: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
  level: 'warn',
  message: 'a batch failed',
  fields,
})

test('a plain line reads alone, is one line and cannot draw', () => {
  assert.equal(plainLine(line({})), '03:04:05.006 warn  a batch failed')
  assert.equal(
    plainLine(line({ mapping: 'orders', records: 3, error: new TypeError('bad\n\x1b[31m'), key: 'a b' })),
    '03:04:05.006 warn  a batch failed · mapping=orders records=3 error="TypeError: bad\\n\\u001b[31m" key="a b"',
  )
})

test('a JSON line keeps errors and survives what JSON cannot carry', () => {
  const error = new MillraceError('SEND_FAILED', 'not confirmed')
  const parsed = JSON.parse(jsonLine(line({ error, size: 5n })))
  assert.equal(parsed.time, '2026-01-02T03:04:05.006Z')
  assert.equal(parsed.error.code, 'SEND_FAILED')
  assert.equal(parsed.size, '5')
  const circular: Record<string, unknown> = {}
  circular.self = circular
  assert.match(JSON.parse(jsonLine(line({ circular }))).unprintable, /circular/i)
  assert.match(plainLine(line({ circular })), /circular=\(/)
})
