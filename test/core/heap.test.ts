import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createHeap } from '../../core/heap.ts'
import { createRandom } from '../simulation/random.ts'

test('a heap gives what is due first, and of what is due at one time what was pushed first', () => {
  const random = createRandom(1)
  const heap = createHeap<number>()
  const pushed = Array.from({ length: 500 }, (_, turn) => ({ at: random.int(0, 40), turn }))
  for (const { at, turn } of pushed) heap.push(at, turn)
  assert.equal(heap.size, 500)
  const popped = pushed.map(() => heap.pop()?.item)
  const expected = pushed.toSorted((one, other) => one.at - other.at || one.turn - other.turn)
  assert.deepEqual(
    popped,
    expected.map(({ turn }) => turn),
  )
})

test('looking at a heap takes nothing, and an empty one gives nothing', () => {
  const heap = createHeap<string>()
  assert.equal(heap.peek(), undefined)
  assert.equal(heap.pop(), undefined)
  heap.push(5, 'late')
  heap.push(Number.POSITIVE_INFINITY, 'never')
  heap.push(1, 'soon')
  assert.equal(heap.peek()?.item, 'soon')
  assert.deepEqual(
    [heap.pop()?.item, heap.pop()?.item, heap.pop()?.item, heap.pop()],
    ['soon', 'late', 'never', undefined],
  )
})
