import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDuration, parseDuration } from '../../../core/config/duration.ts'
import { formatSize, parseSize } from '../../../core/config/size.ts'

test('durations are read as milliseconds and written as short as they can be', () => {
  const pairs = [
    ['0s', 0],
    ['1ms', 1],
    ['1500ms', 1_500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['90m', 5_400_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
  ] as const
  for (const [text, ms] of pairs) {
    assert.equal(parseDuration(text), ms)
    assert.equal(formatDuration(ms), text)
  }
  assert.equal(parseDuration('1.5s'), 1_500)
})

test('what is no duration is not guessed at', () => {
  for (const text of ['', '30', '30 s', '-1s', '1e3s', '30S', 's', '1s2', 30, null, '99999999999999999d'])
    assert.equal(parseDuration(text), undefined)
})

test('sizes are read as bytes and written as short as they can be', () => {
  const pairs = [
    ['0 B', 0],
    ['1 B', 1],
    ['1 KB', 1_024],
    ['6 MB', 6_291_456],
    ['1 GB', 1_073_741_824],
  ] as const
  for (const [text, bytes] of pairs) assert.equal(parseSize(text), bytes)
  for (const [text, bytes] of pairs.slice(1)) assert.equal(formatSize(bytes), text)
  assert.equal(parseSize('1.5KB'), 1_536)
})

test('what is no size is not guessed at', () => {
  for (const text of ['', '6', '6  MB', '-1 MB', '6 mb', '6 TB', 6, null]) assert.equal(parseSize(text), undefined)
})
