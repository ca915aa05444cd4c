import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAnswer } from '../../../core/flow/answer.ts'

const failures = (...items: readonly unknown[]): unknown => ({ batchItemFailures: items })

for (const [rule, value, ids] of [
  ['nothing means that all are accepted', undefined, []],
  ['null means that all are accepted', null, []],
  ['an empty list means that all are accepted', failures(), []],
  ['a named record failed', failures({ itemIdentifier: 'b' }), ['b']],
  ['several named records failed', failures({ itemIdentifier: 'c' }, { itemIdentifier: 'a' }), ['c', 'a']],
] as const)
  test(rule, () => {
    const answer = readAnswer(value, ['a', 'b', 'c'])
    assert.deepEqual(answer.ok && [...answer.failures.keys()], ids)
  })

for (const [rule, value, names] of [
  ['true is no answer', true, /true/],
  ['a list is no answer', [], /\[\]/],
  ['a text is no answer', 'done', /"done"/],
  ['an answer without batchItemFailures is none', {}, /batchItemFailures is nothing/],
  ['an unknown field is not passed over', { batchItemFailures: [], statusCode: 200 }, /"statusCode"/],
  ['batchItemFailures is a list', { batchItemFailures: {} }, /\{\}/],
  ['a failure is an object', failures('a'), /batchItemFailures\[0\] is "a"/],
  ['an unknown field of a failure is not passed over', failures({ itemIdentifier: 'a', id: 1 }), /\[0\].*"id"/],
  ['an id is not missing', failures({}), /itemIdentifier is nothing/],
  ['an id is not empty', failures({ itemIdentifier: '' }), /""/],
  ['an id is a text', failures({ itemIdentifier: 7 }), /7/],
  [
    'an unknown id fails the batch, at its place',
    failures({ itemIdentifier: 'a' }, { itemIdentifier: 'x' }),
    /\[1\].*"x"/,
  ],
  ['an ambiguous id fails the batch', failures({ itemIdentifier: 'twin' }), /ambiguous: 2 records/],
  ['retryable is true or false', failures({ itemIdentifier: 'a', retryable: 'no' }), /retryable is "no"/],
  ['untried is true or false', failures({ itemIdentifier: 'a', untried: 1 }), /untried is 1; expected true or false/],
  ['retryAfterMs is not negative', failures({ itemIdentifier: 'a', retryAfterMs: -1 }), /retryAfterMs is -1/],
  ['retryAfterMs is finite', failures({ itemIdentifier: 'a', retryAfterMs: Number.POSITIVE_INFINITY }), /retryAfterMs/],
  ['retryAfterMs is a number', failures({ itemIdentifier: 'a', retryAfterMs: '5s' }), /"5s"/],
] as const)
  test(`${rule}, and the problem says what was got`, () => {
    const answer = readAnswer(value, ['a', 'twin', 'b', 'twin'])
    assert.ok(!answer.ok)
    assert.match(answer.problem, names)
  })

test('a failure keeps what it says of itself', () => {
  const answer = readAnswer(
    failures({
      itemIdentifier: 'a',
      error: { name: 'E', message: 'm', code: 'C', stack: 's' },
      retryable: false,
      untried: true,
      retryAfterMs: 0,
    }),
    ['a'],
  )
  assert.deepEqual(answer.ok && answer.failures.get('a'), {
    id: 'a',
    error: { name: 'E', message: 'm', code: 'C', stack: 's' },
    retryable: false,
    untried: true,
    retryAfterMs: 0,
  })
})

test('a failure that says nothing may be retried, and says that it said nothing', () => {
  const answer = readAnswer(failures({ itemIdentifier: 'a' }, { itemIdentifier: 'b', error: 'why' }), ['a', 'b'])
  assert.ok(answer.ok)
  assert.equal(answer.failures.get('a')?.retryable, true)
  assert.equal(answer.failures.get('a')?.untried, false)
  assert.match(answer.failures.get('a')?.error.message ?? '', /gave no error/)
  assert.equal(answer.failures.get('b')?.error.message, 'why')
})

test('a long value is shown in part', () => {
  const answer = readAnswer('x'.repeat(10_000), [])
  assert.ok(!answer.ok && answer.problem.length < 400)
})

test('an answer that is nested deeper than it can be written is named all the same', () => {
  const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)
  for (const value of [deep, { batchItemFailures: [deep] }, failures({ itemIdentifier: deep })]) {
    const answer = readAnswer(value, ['a'])
    assert.ok(!answer.ok)
    assert.match(answer.problem, /nested too deeply to be shown/)
  }
})
