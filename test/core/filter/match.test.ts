import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileFilter } from '../../../core/filter/index.ts'

type Case = readonly [what: string, pattern: object, event: unknown, matches: boolean]

/** What the user guide of EventBridge and the README of aws/event-ruler say of each operator. */
const CASES: readonly Case[] = [
  ['an exact text', { a: ['x'] }, { a: 'x' }, true],
  ['another text', { a: ['x'] }, { a: 'X' }, false],
  ['one of several', { a: ['x', 'y'] }, { a: 'y' }, true],
  ['fields that are not mentioned', { a: ['x'] }, { a: 'x', b: 1 }, true],
  ['all fields', { a: ['x'], b: [1] }, { a: 'x', b: 2 }, false],
  ['names in another case', { A: ['x'] }, { a: 'x' }, false],
  ['a number by its value', { a: [300] }, JSON.parse('{"a":3.0e2}'), true],
  ['a number and a text', { a: [300] }, { a: '300' }, false],
  ['true, false and null', { a: [true], b: [false], c: [null] }, { a: true, b: false, c: null }, true],
  ['null and what is not there', { c: [null] }, {}, false],
  ['the empty text', { a: [''] }, { a: '' }, true],
  ['nested fields', { a: { b: { c: [1] } } }, { a: { b: { c: 1 } } }, true],
  ['a field below a text', { a: { b: [1] } }, { a: 'b' }, false],

  ['a prefix', { a: [{ prefix: 'us-' }] }, { a: 'us-east' }, true],
  ['a prefix of a number', { a: [{ prefix: '3' }] }, { a: 300 }, false],
  ['an empty prefix', { a: [{ prefix: '' }] }, { a: 'x' }, true],
  ['a prefix in any case', { a: [{ prefix: { 'equals-ignore-case': 'EventB' } }] }, { a: 'eventbridge' }, true],
  ['a suffix', { a: [{ suffix: '.png' }] }, { a: 'x.png' }, true],
  ['a suffix in another case', { a: [{ suffix: '.png' }] }, { a: 'x.PNG' }, false],
  ['a suffix in any case', { a: [{ suffix: { 'equals-ignore-case': '.png' } }] }, { a: 'x.PNG' }, true],
  ['a text in any case', { a: [{ 'equals-ignore-case': 'ALICE' }] }, { a: 'alice' }, true],

  ['a wildcard in the middle', { a: [{ wildcard: 'dir/*/file' }] }, { a: 'dir/x/y/file' }, true],
  ['a wildcard for nothing', { a: [{ wildcard: 'a*b' }] }, { a: 'ab' }, true],
  ['a wildcard that would overlap', { a: [{ wildcard: 'aba*aba' }] }, { a: 'aba' }, false],
  ['several wildcards', { a: [{ wildcard: '*a*b*c*' }] }, { a: 'xxaxxbxxcxx' }, true],
  ['several wildcards in another order', { a: [{ wildcard: '*a*b*c*' }] }, { a: 'cba' }, false],
  ['an escaped star', { a: [{ wildcard: 'a\\*b' }] }, { a: 'a*b' }, true],
  ['an escaped star for something else', { a: [{ wildcard: 'a\\*b' }] }, { a: 'axb' }, false],
  ['an escaped backslash', { a: [{ wildcard: 'a\\\\*' }] }, { a: 'a\\b' }, true],
  ['only a star', { a: [{ wildcard: '*' }] }, { a: '' }, true],

  ['anything but a text', { a: [{ 'anything-but': 'x' }] }, { a: 'y' }, true],
  ['anything but this text', { a: [{ 'anything-but': 'x' }] }, { a: 'x' }, false],
  ['anything but, of what is not there', { a: [{ 'anything-but': 'x' }] }, {}, false],
  ['anything but, of null', { a: [{ 'anything-but': 'x' }] }, { a: null }, true],
  ['anything but numbers', { a: [{ 'anything-but': [1, 2] }] }, { a: 2 }, false],
  ['anything but numbers, of a text', { a: [{ 'anything-but': [1, 2] }] }, { a: '2' }, true],
  ['anything but a prefix', { a: [{ 'anything-but': { prefix: 'x' } }] }, { a: 'xy' }, false],
  ['anything but a prefix, of a number', { a: [{ 'anything-but': { prefix: 'x' } }] }, { a: 5 }, true],
  ['anything but several suffixes', { a: [{ 'anything-but': { suffix: ['.a', '.b'] } }] }, { a: 'x.b' }, false],
  ['anything but in any case', { a: [{ 'anything-but': { 'equals-ignore-case': ['A', 'b'] } }] }, { a: 'B' }, false],
  ['anything but a wildcard', { a: [{ 'anything-but': { wildcard: '*/lib/*' } }] }, { a: 'x/lib/y' }, false],

  ['a number above', { a: [{ numeric: ['>', 0] }] }, { a: 0.1 }, true],
  ['a number between', { a: [{ numeric: ['>', 0, '<=', 5] }] }, { a: 5 }, true],
  ['a number beyond', { a: [{ numeric: ['>', 0, '<=', 5] }] }, { a: 5.1 }, false],
  ['a number that is equal', { a: [{ numeric: ['=', 3.018e2] }] }, { a: 301.8 }, true],
  ['a text that looks like a number', { a: [{ numeric: ['=', 300] }] }, { a: '300' }, false],
  ['no number', { a: [{ numeric: ['<', 1] }] }, { a: null }, false],

  ['something that is there', { a: [{ exists: true }] }, { a: null }, true],
  ['something that is not there', { a: [{ exists: true }] }, {}, false],
  ['an object is no value', { a: [{ exists: true }] }, { a: { b: 1 } }, false],
  ['an empty list is no value', { a: [{ exists: true }] }, { a: [] }, false],
  ['nothing, where there is nothing', { a: [{ exists: false }] }, {}, true],
  ['nothing, where there is an object', { a: [{ exists: false }] }, { a: { b: 1 } }, true],
  ['nothing, where there is a value', { a: [{ exists: false }] }, { a: 1 }, false],
  ['nothing below what is not there', { a: { b: [{ exists: false }] } }, {}, true],
  ['nothing, or a value', { a: [{ exists: false }, 'x'] }, { a: 'x' }, true],
  ['nothing, or another value', { a: [{ exists: false }, 'x'] }, { a: 'y' }, false],
  ['nothing, though an element has it', { a: { b: [{ exists: false }] } }, { a: [{ b: 1 }, { c: 2 }] }, false],
  ['nothing, in no element', { a: { b: [{ exists: false }] } }, { a: [{ c: 1 }, { c: 2 }] }, true],

  ['an address in a network', { a: [{ cidr: '10.0.0.0/24' }] }, { a: '10.0.0.255' }, true],
  ['an address beside it', { a: [{ cidr: '10.0.0.0/24' }] }, { a: '10.0.1.0' }, false],
  ['an address of version 6', { a: [{ cidr: '2001:db8::/32' }] }, { a: '2001:db8::1' }, true],
  ['an address of the other version', { a: [{ cidr: '0.0.0.0/0' }] }, { a: '::1' }, false],
  ['what is no address', { a: [{ cidr: '0.0.0.0/0' }] }, { a: 'x' }, false],

  ['a list with one of them', { a: ['x'] }, { a: ['y', 'x'] }, true],
  ['a list without', { a: ['x'] }, { a: ['y', 'z'] }, false],
  ['a list of lists', { a: ['x'] }, { a: [['y'], ['x']] }, true],
  ['anything but, of a list with something else', { a: [{ 'anything-but': 'x' }] }, { a: ['x', 'y'] }, true],
  [
    'one element with both',
    { a: { b: [1], c: [2] } },
    {
      a: [
        { b: 1, c: 3 },
        { b: 1, c: 2 },
      ],
    },
    true,
  ],
  [
    'two elements with one each',
    { a: { b: [1], c: [2] } },
    {
      a: [
        { b: 1, c: 3 },
        { b: 3, c: 2 },
      ],
    },
    false,
  ],
  [
    'one element, by dotted names',
    { 'a.b': [1], 'a.c': [2] },
    {
      a: [
        { b: 1, c: 3 },
        { b: 3, c: 2 },
      ],
    },
    false,
  ],
  [
    'two lists, each with its element',
    { a: { b: [1] }, d: { e: [2] } },
    { a: [{ b: 0 }, { b: 1 }], d: [{ e: 2 }] },
    true,
  ],

  ['dots in a pattern', { 'a.b': [1] }, { a: { b: 1 } }, true],
  ['dots in an event', { a: { b: [1] } }, { 'a.b': 1 }, true],
  ['dots in both, at other places', { 'a.b': { c: [1] } }, { a: { 'b.c': 1 } }, true],
  ['dots beside nesting', { a: { b: [1], c: [2] } }, { a: { b: 1 }, 'a.c': 2 }, true],
  ['JSON in a text is a text', { a: { b: [1] } }, { a: '{"b":1}' }, false],

  ['or: the first', { $or: [{ a: [1] }, { b: [2] }] }, { a: 1 }, true],
  ['or: the second', { $or: [{ a: [1] }, { b: [2] }] }, { b: 2 }, true],
  ['or: none', { $or: [{ a: [1] }, { b: [2] }] }, { a: 2, b: 1 }, false],
  ['or, and a field beside it', { c: [3], $or: [{ a: [1] }, { b: [2] }] }, { b: 2, c: 4 }, false],
  ['or in or', { $or: [{ a: [1] }, { $or: [{ b: [2] }, { c: [3] }] }] }, { c: 3 }, true],
  ['or below a field', { a: { $or: [{ b: [1] }, { c: [2] }] } }, { a: { c: 2 } }, true],
  [
    'or beside a field of the same list',
    { a: { c: [2] }, $or: [{ a: { b: [1] } }, { a: { b: [5] } }] },
    {
      a: [
        { b: 1, c: 3 },
        { b: 3, c: 2 },
      ],
    },
    false,
  ],
  ['$or of one is a field', { $or: ['x'] }, { $or: 'x' }, true],
  ['$or of values is a field', { $or: [{ prefix: 'x' }, { suffix: 'y' }] }, { $or: 'xz' }, true],

  ['names of Object.prototype', { constructor: { name: [{ exists: true }] } }, {}, false],
  ['a name that is __proto__', JSON.parse('{"__proto__":{"x":[1]}}'), JSON.parse('{"__proto__":{"x":1}}'), true],
  ['no object at all', { a: [1] }, 5, false],
  ['a list of events is none', { a: [1] }, [{ a: 1 }], true],
]

for (const [what, pattern, event, matches] of CASES)
  test(`${what}: ${matches ? 'matches' : 'does not match'}`, () => {
    const filter = compileFilter(pattern)
    assert.equal(filter.matches(event), matches)
    assert.equal(filter.explain(event).matches, matches)
  })

test('an explanation says what held and what did not, with what the event has', () => {
  const filter = compileFilter({ state: ['paid', { prefix: 're' }], total: [{ numeric: ['>', 0, '<', 100] }] })
  assert.deepEqual(filter.explain({ state: 'refunded', total: 250 }), {
    matches: false,
    lines: ['✓ state: "paid" or prefix "re"; got "refunded"', '✗ total: > 0 and < 100; got 250'],
  })
  const either = compileFilter({ $or: [{ a: [1], b: [2] }, { c: [{ exists: true }] }] })
  assert.deepEqual(either.explain({ a: 1, b: 3, d: 4 }).lines, [
    'the closest of 2 alternatives:',
    '✓ a: 1; got 1',
    '✗ b: 2; got 3',
  ])
  const element = compileFilter({ a: { b: [1], c: [2] } })
  assert.deepEqual(
    element.explain({ a: [{ b: 1 }, { c: 2 }] }).lines.at(-1),
    '✗ no single element of a list has all of these',
  )
})

test('a filter says which parts of an event it needs', () => {
  const filter = compileFilter({ key: ['a'], $or: [{ data: { x: [1] } }, { 'headers.y': ['z'] }] })
  assert.deepEqual([...filter.fields].sort(), ['data', 'headers', 'key'])
})

test('no text, however long, makes a pattern take long: one that backtracks would take hours', {
  timeout: 20_000,
}, () => {
  const filter = compileFilter({ a: [{ wildcard: `*${'a*'.repeat(50)}b` }, { wildcard: `${'*a'.repeat(50)}c` }] })
  assert.equal(filter.matches({ a: 'a'.repeat(100_000) }), false)
})
