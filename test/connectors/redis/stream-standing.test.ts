import assert from 'node:assert/strict'
import { test } from 'node:test'
import { knownRemoved, lagOf, removedUnread, type Standing } from '../../../connectors/redis/stream-standing.ts'

/** Ten entries were added, the group has read two, nothing was removed. */
const STANDING: Standing = {
  reachedId: '2-0',
  firstId: '1-0',
  lastId: '10-0',
  length: 10,
  added: 10,
  read: 2,
  lag: 8,
  pending: 1,
}

const cases: readonly (readonly [what: string, change: Partial<Standing>, lag: number, removed: number])[] = [
  ['nothing was removed', {}, 9, 0],
  ['what was read was trimmed', { firstId: '3-0', length: 8 }, 9, 0],
  ['what was read and five more were trimmed', { firstId: '8-0', length: 3 }, 4, 5],
  ['all was trimmed', { firstId: '0-0', length: 0 }, 1, 8],
  ['all was trimmed, and the group had read all', { firstId: '0-0', length: 0, reachedId: '10-0', read: 10 }, 1, 0],
  // As Redis 7.0.15 tells it once the group is past what was trimmed.
  ['five were trimmed, the group has read on', { reachedId: '8-0', firstId: '8-0', length: 3, read: 3, lag: 7 }, 4, 0],
  ['and has come to the end', { reachedId: '10-0', firstId: '8-0', length: 3, read: 5, lag: 5 }, 1, 0],
  ['Redis has counted too few as read, but the end is reached', { reachedId: '10-0', read: 3, lag: 7 }, 1, 0],
  ['an unread entry was deleted, so Redis cannot count', { length: 9, lag: undefined }, 10, 0],
  ['a new group on a stream that was trimmed', { reachedId: '0-0', read: undefined, firstId: '8-0', length: 3 }, 4, 0],
  ['a server that does not count', { added: undefined, read: undefined, lag: undefined }, 11, 0],
]

for (const [what, change, lag, removed] of cases)
  test(`how far a group is when ${what}`, () => {
    assert.equal(lagOf({ ...STANDING, ...change }), lag)
    assert.equal(removedUnread({ ...STANDING, ...change }, 0), removed)
  })

test('what was told before of removed entries is not told again', () => {
  const standing = { ...STANDING, firstId: '8-0', length: 3 }
  assert.equal(removedUnread(standing, 3), 2)
  assert.equal(removedUnread(standing, 5), 0)
})

test('what Redis miscounts at the end is no loss when all of that is trimmed and more comes', () => {
  const atEnd = { ...STANDING, reachedId: '10-0', read: 3, lag: 7 }
  const known = knownRemoved(atEnd, 0)
  const after = { ...atEnd, firstId: '11-0', lastId: '12-0', added: 12, length: 2, lag: 9 }
  assert.equal(removedUnread(after, known), 0)
  assert.equal(removedUnread({ ...after, firstId: '12-0', length: 1 }, known), 1, 'what is lost then is')
  assert.equal(knownRemoved({ ...after, firstId: '12-0', length: 1 }, known), known + 1)
})
