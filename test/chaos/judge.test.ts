/** The judge finds each fault that is planted in a run without one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyOf, kindOf, numberOf, poisonOf } from './jobs.ts'
import { type Effect, type Expected, effectLine, type Judgement, judge, type Parked, readEffects } from './judge.ts'

const RECORDS = 100
const expected: Expected = { records: RECORDS, poison: poisonOf(RECORDS), duplicateBound: 0 }
const good: readonly Effect[] = Array.from({ length: RECORDS }, (_, n) => n)
  .filter(n => kindOf(n) !== 'no JSON')
  .map(n => ({ n, whole: 'whole', lane: String(n % 3), offset: n }))
const parked: Parked = [...poisonOf(RECORDS)]

const swap = (effects: readonly Effect[], at: number): readonly Effect[] =>
  effects.map((effect, index) => effects[index === at ? at + 3 : index === at + 3 ? at : index] ?? effect)

const PLANTS: readonly [string, readonly Effect[], Parked, Partial<Judgement>][] = [
  ['a record dropped', good.toSpliced(40, 1), parked, { lost: 1 }],
  ['a record run twice', [...good, ...good.slice(40, 41)], parked, { duplicates: 1 }],
  ['a record invented', [...good, { n: 7_000, whole: 'whole', lane: '1', offset: 7_000 }], parked, { unexpected: 1 }],
  ['two records of a lane swapped', swap(good, 40), parked, { misordered: 1 }],
  [
    'a body changed',
    good.map(each => (each.n === 40 ? { ...each, whole: 'corrupted' } : each)),
    parked,
    { corrupted: 1 },
  ],
  ['a poison record not parked', good, parked.slice(1), { lost: 1, deadLetters: 1 }],
  ['a good record parked', good, [...parked, 40], { unexpected: 1, deadLetters: 3 }],
  ['a parked body changed', good, [...parked, undefined], { corrupted: 1 }],
]

test('a run without a fault is ok, and what poison is run again counts for nothing', () => {
  const { ok, poison, deadLetters } = judge(expected, [...good, ...good.filter(({ n }) => n === 17)], parked)
  assert.deepEqual({ ok, poison, deadLetters }, { ok: true, poison: 2, deadLetters: 2 })
})

for (const [what, effects, letters, found] of PLANTS)
  test(`${what} is found`, () => {
    const judgement = judge(expected, effects, letters)
    assert.deepEqual({ ...judgement, ...found, ok: false }, judgement)
  })

test('duplicates up to the bound are ok', () => {
  assert.ok(judge({ ...expected, duplicateBound: 1 }, [...good, ...good.slice(40, 41)], parked).ok)
})

test('the last line, cut short by a kill, is left out', () => {
  const lines = good.slice(0, 2).map(effectLine).join('')
  assert.deepEqual(readEffects(`${lines}3 who`), good.slice(0, 2))
})

test('a parked body is known by its bytes, and no other is', () => {
  for (const n of [3, 17, 18]) assert.equal(numberOf(bodyOf(n)), n)
  assert.equal(numberOf(`${bodyOf(3)} `), undefined)
})
