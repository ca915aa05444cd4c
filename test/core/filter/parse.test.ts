import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileFilter } from '../../../core/filter/index.ts'

const problemOf = (pattern: unknown): string => {
  try {
    compileFilter(pattern)
    return 'none'
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'FILTER_INVALID')
    return (error as Error).message.replace('the pattern ', '')
  }
}

const WRONG: readonly (readonly [pattern: unknown, problem: RegExp])[] = [
  [undefined, /^itself must be an object of fields, got nothing$/],
  [[], /^itself must be an object of fields, got \[\]$/],
  [{}, /^itself must not be empty; leave it out instead$/],
  [{ a: {} }, /^a must not be empty/],
  [{ a: 'x' }, /^a must be a list of values, or an object of fields, got "x"$/],
  [{ a: [] }, /^a must be a list .*, got an empty one$/],
  [{ a: [['x']] }, /^a\[0\] must be a text, a number, .* got \["x"\]$/],
  [{ a: [{}] }, /^a\[0\] must have one operator, got none$/],
  [{ a: [{ prefix: 'x', suffix: 'y' }] }, /^a\[0\] must have one operator, got /],
  [{ a: [{ EXISTS: true }] }, /^a\[0\] has an unrecognized match type "EXISTS"; did you mean exists\?$/],
  [{ a: [{ like: 'x' }] }, /^a\[0\] has an unrecognized match type "like"; known are prefix, suffix, /],
  [{ a: [{ toString: 'x' }] }, /^a\[0\] has an unrecognized match type "toString"/],
  [{ a: [{ prefix: 1 }] }, /^a\[0\] prefix must be a text or .*, got 1$/],
  [{ a: [{ suffix: { 'equals-ignore-case': 1 } }] }, /^a\[0\] suffix must be a text or/],
  [{ a: [{ 'equals-ignore-case': ['x'] }] }, /^a\[0\] equals-ignore-case must be a text, got \["x"\]$/],
  [{ a: [{ wildcard: 'a**b' }] }, /^a\[0\] wildcard must not have \*\* in it/],
  [{ a: [{ wildcard: 'a\\n' }] }, /^a\[0\] wildcard may have a backslash only before/],
  [{ a: [{ wildcard: 'a\\' }] }, /^a\[0\] wildcard may have a backslash only before/],
  [{ a: [{ 'anything-but': [] }] }, /^a\[0\] anything-but must be one value, or a list of texts or of numbers/],
  [{ a: [{ 'anything-but': ['x', 1] }] }, /^a\[0\] anything-but must be one value, or a list/],
  [{ a: [{ 'anything-but': { prefix: '' } }] }, /^a\[0\] anything-but prefix must be a text that is not empty/],
  [{ a: [{ 'anything-but': { numeric: ['>', 1] } }] }, /^a\[0\] anything-but may hold one of prefix, suffix/],
  [{ a: [{ 'anything-but': { wildcard: ['a', 'b**'] } }] }, /^a\[0\] wildcard must not have/],
  [{ a: [{ numeric: ['>'] }] }, /^a\[0\] numeric must be a sign and a number/],
  [{ a: [{ numeric: ['!=', 1] }] }, /^a\[0\] numeric must be a sign and a number/],
  [{ a: [{ numeric: ['>', '1'] }] }, /^a\[0\] numeric must be a sign and a number/],
  [{ a: [{ numeric: ['>', 0, '>', 0] }] }, /^a\[0\] numeric with two bounds must have the lower one first/],
  [{ a: [{ numeric: ['>', 5, '<', 1] }] }, /^a\[0\] numeric with two bounds must have the lower one first/],
  [{ a: [{ exists: 'true' }] }, /^a\[0\] exists must be true or false, got "true"$/],
  [{ a: [{ cidr: '10.0.0.0' }] }, /^a\[0\] cidr must be a network like/],
  [{ a: [{ cidr: '10.0.0.0/33' }] }, /^a\[0\] cidr must be a network like/],
  [{ a: [{ cidr: '10.0.0/8' }] }, /^a\[0\] cidr must be a network like/],
  [{ a: [Number.NaN] }, /^a\[0\] must be a text, a number/],
  [{ 'a b': { c: [{ x: 1 }] } }, /^"a b"\.c\[0\] has an unrecognized match type "x"/],
  [{ $or: [{ a: [1] }, { b: 1 }] }, /^\$or\[1\]\.b must be a list of values/],
]

for (const [pattern, problem] of WRONG)
  test(`refused: ${JSON.stringify(pattern) ?? 'nothing'}`, () => assert.match(problemOf(pattern), problem))

test('all that is wrong is said at once', () => {
  assert.equal(
    problemOf({ a: 1, b: { c: [{ d: 1 }, {}] } })
      .split('; ')
      .filter(part => !part.startsWith('known')).length,
    3,
  )
})

test('a pattern that $or multiplies out to more than EventBridge allows is refused', () => {
  const tens = (name: string) => ({ $or: Array.from({ length: 10 }, (_, index) => ({ [name]: [index] })) })
  const thousand = { x: { ...tens('a') }, y: { ...tens('b') }, z: { ...tens('c') } }
  assert.equal(problemOf(thousand), 'none')
  assert.match(problemOf({ ...thousand, w: tens('d') }), /^itself is too complex: 1001 alternatives of \$or/)
  assert.match(
    problemOf({ a: Array.from({ length: 10_001 }, (_, index) => index) }),
    /^itself is too complex: 1 .* with 10001 values/,
  )
})
