import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBag, NOWHERE, type Placed } from '../../core/bag.ts'

interface Named extends Placed {
  readonly name: string
}

const named = (name: string): Named => ({ name, place: NOWHERE })
const names = (members: readonly Named[]): string =>
  members
    .map(({ name }) => name)
    .toSorted()
    .join('')

test('members leave in any order, and the others stay', () => {
  const bag = createBag<Named>()
  const [a, b, c, d] = [named('a'), named('b'), named('c'), named('d')] as const
  for (const member of [a, b, c, d]) bag.add(member)
  assert.ok(bag.remove(b))
  assert.equal(names(bag.members()), 'acd')
  assert.ok(bag.remove(d))
  assert.ok(bag.remove(a))
  assert.equal(names(bag.members()), 'c')
  assert.ok(bag.remove(c))
  assert.equal(bag.size, 0)
})

test('who left, or is in another one, is not removed again', () => {
  const [one, other] = [createBag<Named>(), createBag<Named>()]
  const [a, b] = [named('a'), named('b')]
  one.add(a)
  other.add(b)
  assert.equal(other.remove(a), false)
  assert.ok(one.remove(a))
  assert.equal(one.remove(a), false)
  assert.equal(names(other.members()), 'b')
})

test('what was asked for does not change when members come and go', () => {
  const bag = createBag<Named>()
  const [a, b] = [named('a'), named('b')]
  bag.add(a)
  const before = bag.members()
  bag.add(b)
  bag.remove(a)
  assert.equal(names(before), 'a')
  assert.equal(names(bag.members()), 'b')
})

test('whoever was in an emptied one may be in another', () => {
  const [one, other] = [createBag<Named>(), createBag<Named>()]
  const [a, b] = [named('a'), named('b')]
  one.add(a)
  one.add(b)
  for (const member of one.empty()) other.add(member)
  assert.equal(one.size, 0)
  assert.equal(one.remove(a), false)
  assert.ok(other.remove(a))
  assert.equal(names(other.members()), 'b')
})
