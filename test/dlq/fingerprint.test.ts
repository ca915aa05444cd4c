import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fingerprint } from '../../dlq/fingerprint.ts'

const of = (message: string, name = 'Error', functionName = 'charge'): string =>
  fingerprint({ name, message }, functionName)

test('failures that differ only in particulars have one fingerprint', () => {
  const pairs = [
    ['order 7 is gone', 'order 1200 is gone'],
    ['order-7 is gone', 'order-1200 is gone'],
    ['took 3.5 s', 'took 12 s'],
    ['no answer from 10.0.0.1:9092', 'no answer from 10.0.12.7:19092'],
    ['customer 0b0c5d54-3e3c-4a0e-9f9e-6f3c1d7b8a90 unknown', 'customer ffffffff-aaaa-4bbb-8ccc-1234567890ab unknown'],
    ['job 01HZX3KQ9 failed', 'job 01J0AABB2 failed'],
    ['at 2026-11-24T01:02:03.456Z', 'at 2027-01-01T00:00:00Z'],
  ] as const
  for (const [one, other] of pairs) assert.equal(of(one), of(other), one)
})

test('another message, error name or function is another fingerprint', () => {
  const all = [of('gone'), of('not found'), of('gone', 'TypeError'), of('gone', 'Error', 'refund')]
  assert.equal(new Set(all).size, all.length)
})

test('a fingerprint is 12 hexadecimal digits, also of a message of a megabyte', () => {
  assert.match(of('x'.repeat(1_000_000)), /^[0-9a-f]{12}$/)
})

test('the place where it was thrown counts, without lines, folders and what is not the function’s own', () => {
  const thrown = (frames: string) => fingerprint({ name: 'E', message: 'm', stack: `E: m\n${frames}` }, 'charge')
  const below = '\n    at runRecords (/app/node_modules/millrace/core/x.js:1:1)\n    at node:internal/x:1:1'
  const here = thrown(`    at pay (file:///app/v1/functions/pay.ts:10:3)${below}`)
  assert.equal(here, thrown('    at pay (file:///app/v2/functions/pay.ts:99:7)'))
  assert.notEqual(here, thrown('    at refund (file:///app/v1/functions/pay.ts:10:3)'))
  assert.notEqual(here, thrown('    at pay (file:///app/v1/functions/refund.ts:10:3)'))
  assert.notEqual(here, thrown(''))
})
