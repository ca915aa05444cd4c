import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextLetterId, typedLetterId } from '../../dlq/letter-id.ts'

const NOW_MS = 1_795_482_000_000

test('an id has 12 characters that cannot be mistaken for each other', () => {
  assert.match(nextLetterId(undefined, NOW_MS), /^[0-9a-hjkmnp-tv-z]{12}$/)
})

test('ids sort by the time of parking', () => {
  const earlier = nextLetterId(undefined, NOW_MS)
  assert.ok(nextLetterId(earlier, NOW_MS + 1) > earlier)
})

test('letters of one millisecond, and of a clock that was set back, still have rising ids', () => {
  let last: string | undefined
  for (let count = 0; count < 40_000; count += 1) {
    const next = nextLetterId(last, count % 2 === 0 ? NOW_MS : NOW_MS - 60_000)
    assert.ok(last === undefined || next > last)
    last = next
  }
})

test('what a person typed is the id that was meant', () => {
  assert.equal(typedLetterId('01KP-W72G 3OOI'), '01kpw72g3001')
  const id = nextLetterId(undefined, NOW_MS)
  assert.equal(typedLetterId(id.toUpperCase()), id)
})
