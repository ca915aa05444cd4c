import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FunctionError, Outcome, RefusedRecord } from '../../../core/engine/contract.ts'
import { type Judged, type JudgePolicy, judge } from '../../../core/flow/outcome.ts'

const ERROR: FunctionError = { name: 'Boom', message: 'boom' }
const POLICY: JudgePolicy = { maxAttempts: 3, notRetryable: ['Never', 'E_NEVER'], split: 'allowed' }

/** `a1 b1 a2` is three records, `a1` and `a2` of the scope `a`; a digit alone has no scope. */
const records = (names: string, attempts: Readonly<Record<string, number>> = {}): readonly Judged[] =>
  names.split(' ').map(id => ({ id, scope: /^[a-z]/.test(id) ? id.slice(0, 1) : null, attempts: attempts[id] ?? 0 }))

const named = (...failures: readonly object[]): Outcome => answered({ batchItemFailures: failures })
const answered = (value: unknown, refused: readonly RefusedRecord[] = []): Outcome => ({
  kind: 'answered',
  value,
  refused,
})
const failed = (error: FunctionError = ERROR, refused: readonly RefusedRecord[] = []): Outcome => ({
  kind: 'failed',
  error,
  refused,
})
const refusal = (id: string): RefusedRecord => ({ id, verdict: 'undecodable', error: ERROR })

interface Row {
  readonly rule: string
  readonly batch: readonly Judged[]
  readonly outcome: Outcome
  readonly policy?: Partial<JudgePolicy>
  /** Kinds, and for the dead their reason. */
  readonly verdicts: string
  readonly becomes: string
  readonly succeeded: 'yes' | 'no'
}

const ROWS: readonly Row[] = [
  {
    rule: 'an answer of nothing accepts every record',
    batch: records('1 2'),
    outcome: answered(undefined),
    verdicts: 'accepted accepted',
    becomes: 'done',
    succeeded: 'yes',
  },
  {
    rule: 'a named record fails alone where there is no order',
    batch: records('1 2 3'),
    outcome: named({ itemIdentifier: '2' }),
    verdicts: 'accepted failed accepted',
    becomes: 'done',
    succeeded: 'yes',
  },
  {
    rule: 'the later records of a failed one’s scope are tried again, the earlier ones are accepted',
    batch: records('a1 a2 a3 a4'),
    outcome: named({ itemIdentifier: 'a2' }),
    verdicts: 'accepted failed again again',
    becomes: 'done',
    succeeded: 'yes',
  },
  {
    rule: 'other scopes go on past a failed record',
    batch: records('a1 b1 a2 b2 1'),
    outcome: named({ itemIdentifier: 'a1' }),
    verdicts: 'failed accepted again accepted accepted',
    becomes: 'done',
    succeeded: 'yes',
  },
  {
    rule: 'nothing behind a dead record of its scope counts as tried, because the function stopped there',
    batch: records('a1 a2 a3'),
    outcome: named({ itemIdentifier: 'a1', retryable: false }),
    verdicts: 'dead:not-retryable again again',
    becomes: 'done',
    succeeded: 'no',
  },
  {
    rule: 'nothing behind a record out of attempts counts as tried either',
    batch: records('a1 a2', { a1: 2 }),
    outcome: named({ itemIdentifier: 'a1' }),
    verdicts: 'dead:exhausted again',
    becomes: 'done',
    succeeded: 'no',
  },
  {
    rule: 'a record named behind a failed one of its scope is dragged along, not charged',
    batch: records('a1 a2', { a2: 2 }),
    outcome: named({ itemIdentifier: 'a1' }, { itemIdentifier: 'a2' }),
    verdicts: 'failed again',
    becomes: 'done',
    succeeded: 'no',
  },
  {
    rule: 'a record named as untried is not charged, whatever it has behind it',
    batch: records('1 2 3', { 3: 2 }),
    outcome: named({ itemIdentifier: '2' }, { itemIdentifier: '3', untried: true }),
    verdicts: 'accepted failed untried',
    becomes: 'done',
    succeeded: 'yes',
  },
  {
    rule: 'nothing overtakes an untried record of its scope',
    batch: records('a1 b1 a2 b2'),
    outcome: named({ itemIdentifier: 'a1', untried: true }, { itemIdentifier: 'b2' }),
    verdicts: 'untried accepted again failed',
    becomes: 'done',
    succeeded: 'yes',
  },
  {
    rule: 'a record that failed is charged also behind an untried one, and blocks as ever',
    batch: records('a1 a2 a3', { a2: 1 }),
    outcome: named({ itemIdentifier: 'a1', untried: true }, { itemIdentifier: 'a2' }),
    verdicts: 'untried failed again',
    becomes: 'done',
    succeeded: 'no',
  },
  {
    rule: 'an untried record is not parked, even where its error says never',
    batch: records('1', { 1: 2 }),
    outcome: named({ itemIdentifier: '1', untried: true, retryable: false }),
    verdicts: 'untried',
    becomes: 'done',
    succeeded: 'no',
  },
  {
    rule: 'the failure that uses up maxAttempts makes a dead letter',
    batch: records('1 2', { 1: 2, 2: 1 }),
    outcome: named({ itemIdentifier: '1' }, { itemIdentifier: '2' }),
    verdicts: 'dead:exhausted failed',
    becomes: 'done',
    succeeded: 'no',
  },
  {
    rule: 'an error listed by name or by code is not retried',
    batch: records('1 2 3'),
    outcome: named(
      { itemIdentifier: '1', error: { name: 'Never', message: '' } },
      { itemIdentifier: '2', error: { name: 'Other', message: '', code: 'E_NEVER' } },
      { itemIdentifier: '3', error: { name: 'Other', message: 'Never' } },
    ),
    verdicts: 'dead:not-retryable dead:not-retryable failed',
    becomes: 'done',
    succeeded: 'no',
  },
  {
    rule: 'a record that failed its codec is dead at once, and holds nothing of its scope up',
    batch: records('a1 a2'),
    outcome: answered(undefined, [refusal('a1')]),
    verdicts: 'dead:undecodable accepted',
    becomes: 'done',
    succeeded: 'yes',
  },
  {
    rule: 'a refused record waits its turn behind a failed one',
    batch: records('a1 a2'),
    outcome: answered({ batchItemFailures: [{ itemIdentifier: 'a1' }] }, [refusal('a2')]),
    verdicts: 'failed again',
    becomes: 'done',
    succeeded: 'no',
  },
  {
    rule: 'a record that the function never saw cannot be named by it',
    batch: records('1 2'),
    outcome: answered({ batchItemFailures: [{ itemIdentifier: '1' }] }, [refusal('1')]),
    verdicts: 'dead:undecodable failed',
    becomes: 'done',
    succeeded: 'no',
  },
  {
    rule: 'an answer that is none fails the batch, which is split',
    batch: records('1 2'),
    outcome: named({ itemIdentifier: 'unknown' }),
    verdicts: 'again again',
    becomes: 'split',
    succeeded: 'no',
  },
  {
    rule: 'a batch of several that threw is split and nobody is charged',
    batch: records('1 2 3'),
    outcome: failed(),
    verdicts: 'again again again',
    becomes: 'split',
    succeeded: 'no',
  },
  {
    rule: 'once splitting was given up, the batch backs off and nobody is charged',
    batch: records('1 2 3'),
    outcome: failed(),
    policy: { split: 'given-up' },
    verdicts: 'again again again',
    becomes: 'backed-off',
    succeeded: 'no',
  },
  {
    rule: 'a record alone in a failed batch is charged, also when splitting was given up',
    batch: records('1'),
    outcome: failed(),
    policy: { split: 'given-up' },
    verdicts: 'failed',
    becomes: 'done',
    succeeded: 'no',
  },
  {
    rule: 'a record alone in a failed batch dies with its last attempt',
    batch: records('1', { 1: 2 }),
    outcome: failed(),
    verdicts: 'dead:exhausted',
    becomes: 'done',
    succeeded: 'no',
  },
  {
    rule: 'a record that was alone among refused ones is charged',
    batch: records('1 2'),
    outcome: failed(ERROR, [refusal('2')]),
    verdicts: 'failed dead:undecodable',
    becomes: 'done',
    succeeded: 'no',
  },
  {
    rule: 'without bisect the whole batch is charged',
    batch: records('1 2', { 2: 2 }),
    outcome: failed(),
    policy: { split: 'off' },
    verdicts: 'failed dead:exhausted',
    becomes: 'done',
    succeeded: 'no',
  },
  {
    rule: 'a thrown NotRetryable kills the record that was alone',
    batch: records('1'),
    outcome: failed({ ...ERROR, retryable: false }),
    verdicts: 'dead:not-retryable',
    becomes: 'done',
    succeeded: 'no',
  },
  {
    rule: 'a thrown NotRetryable over several is split like any other, so that no neighbour dies of it',
    batch: records('1 2'),
    outcome: failed({ ...ERROR, retryable: false }),
    verdicts: 'again again',
    becomes: 'split',
    succeeded: 'no',
  },
  {
    rule: 'a function that is not ready charges nobody',
    batch: records('1', { 1: 2 }),
    outcome: { kind: 'not-ready', error: ERROR },
    verdicts: 'again',
    becomes: 'not-ready',
    succeeded: 'no',
  },
  {
    rule: 'a function without room charges nobody',
    batch: records('1 a1', { 1: 2 }),
    outcome: { kind: 'throttled', error: ERROR },
    verdicts: 'again again',
    becomes: 'throttled',
    succeeded: 'no',
  },
  {
    rule: 'an aborted invocation charges nobody',
    batch: records('1', { 1: 2 }),
    outcome: { kind: 'aborted' },
    verdicts: 'again',
    becomes: 'aborted',
    succeeded: 'no',
  },
]

for (const row of ROWS)
  test(row.rule, () => {
    const judgement = judge(row.batch, row.outcome, { ...POLICY, ...row.policy })
    const kinds = judgement.verdicts.map(each => (each.kind === 'dead' ? `dead:${each.reason}` : each.kind))
    assert.equal(kinds.join(' '), row.verdicts)
    assert.equal(judgement.batch, row.becomes)
    assert.equal(judgement.succeeded, row.succeeded === 'yes')
  })

test('what a failed record asked to wait travels with its verdict, and of a batch with the batch', () => {
  const one = judge(records('1'), named({ itemIdentifier: '1', retryAfterMs: 70 }), POLICY)
  const several = judge(records('1 2'), failed({ ...ERROR, retryAfterMs: 90 }), POLICY)
  assert.equal(one.verdicts[0]?.kind === 'failed' && one.verdicts[0].retryAfterMs, 70)
  const throttled = judge(records('1 2'), { kind: 'throttled', error: ERROR, retryAfterMs: 80 }, POLICY)
  assert.equal(several.retryAfterMs, 90)
  assert.equal(throttled.retryAfterMs, 80)
})
