import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BatchLimits, isDueAtOnce, planBatch } from '../../../core/flow/batcher.ts'
import type { Entry, Scope } from '../../../core/flow/entry.ts'
import { entryOf } from './entries.ts'

const LIMITS: BatchLimits = {
  batchSize: 3,
  batchBytes: 10_000,
  batchWindowMs: 0,
  scopes: 'many',
  creditUsedUp: false,
  suspects: 'none',
}

/** A scope that begins with the letter of its records. */
const scopeWith = (ids: string, changes: Partial<Entry> & { bodyBytes?: number } = {}): Scope => {
  const scope: Scope = { name: ids.slice(0, 1), lane: '0', queue: [], busy: 0, blockedUntil: 0 }
  for (const id of ids.split(' ')) scope.queue.push(entryOf(scope, id, changes))
  return scope
}

const plan = (scopes: readonly Scope[], changes: Partial<BatchLimits> = {}, now = 0): string => {
  const { runs, due, dueAt } = planBatch(scopes, { ...LIMITS, ...changes }, now)
  const ids = runs.flatMap(({ scope, count }) => scope.queue.slice(0, count).map(entry => entry.delivery.record.id))
  return `${ids.join(' ')} ${due ? 'now' : `at ${dueAt}`}`.trim()
}

const WINDOW = { batchWindowMs: 50 }

for (const [rule, got, wanted] of [
  ['a batch takes from as many scopes as fit', plan([scopeWith('a1 a2'), scopeWith('b1 b2')]), 'a1 a2 b1 now'],
  ['a batch of a lane holds that lane only', plan([scopeWith('a1'), scopeWith('b1')], { scopes: 'one' }), 'a1 now'],
  ['a full batch does not wait for its window', plan([scopeWith('a1 a2 a3 a4')], WINDOW), 'a1 a2 a3 now'],
  ['a batch that is not full waits for its window', plan([scopeWith('a1')], WINDOW, 20), 'a1 at 50'],
  ['a batch is due when its window has passed', plan([scopeWith('a1')], WINDOW, 50), 'a1 now'],
  [
    'the window begins with the first record that came',
    plan([scopeWith('a1', { arrivedAt: 30 }), scopeWith('b1', { arrivedAt: 10 })], WINDOW, 40),
    'a1 b1 at 60',
  ],
  ['without credit nothing is waited for', plan([scopeWith('a1')], { ...WINDOW, creditUsedUp: true }), 'a1 now'],
  [
    'a batch closes before its bytes are too many, and is due then',
    plan([scopeWith('a1 a2 a3', { bodyBytes: 4_500 })], WINDOW),
    'a1 a2 now',
  ],
  ['one record may always be larger', plan([scopeWith('a1', { bodyBytes: 50_000 })]), 'a1 now'],
  [
    'of several lanes the one runs that is due',
    plan([scopeWith('a1', { arrivedAt: 40 }), scopeWith('b1', { arrivedAt: 0 })], { ...WINDOW, scopes: 'one' }, 60),
    'b1 now',
  ],
  [
    'of several lanes that wait the soonest is waited for',
    plan([scopeWith('a1', { arrivedAt: 40 }), scopeWith('b1', { arrivedAt: 20 })], { ...WINDOW, scopes: 'one' }, 60),
    'b1 at 70',
  ],
  ['no two records of a batch have the same id', plan([scopeWith('a1 a1 a2'), scopeWith('b1')]), 'a1 b1 now'],
  ['nothing gives no batch, ever', plan([]), 'at Infinity'],
  [
    'a suspect runs alone, and first when nothing runs',
    plan([scopeWith('a1 a2'), scopeWith('b1 b2', { suspect: true })], { suspects: 'first' }),
    'b1 now',
  ],
  [
    'while something runs, a suspect waits and nothing else begins',
    plan([scopeWith('a1'), scopeWith('b1', { suspect: true })], { suspects: 'wait' }),
    'at Infinity',
  ],
] as const)
  test(rule, () => assert.equal(got, wanted))

test('a batch ends before a suspect and before a part of a split one', () => {
  const scope = scopeWith('a1 a2 a3')
  const [, second] = scope.queue
  assert.ok(second)
  second.part = { split: { limit: 2, failedInARow: 0 }, entries: [second] }
  assert.equal(plan([scope]), 'a1 now')
  const other = scopeWith('b1')
  other.queue.push(entryOf(other, 'b2', { suspect: true }))
  assert.equal(plan([other]), 'b1 now')
})

for (const [scopes, limits, dueAtOnce] of [
  [[scopeWith('a1')], {}, true],
  [[], {}, false],
  [[scopeWith('a1')], WINDOW, false],
  [[scopeWith('a1', { suspect: true })], { suspects: 'first' }, false],
  [[scopeWith('a1', { part: { split: { limit: 1, failedInARow: 0 }, entries: [] } })], {}, false],
] as const)
  test(`what is due at once is due when it is planned: ${JSON.stringify(limits)}, ${scopes.length}, ${dueAtOnce}`, () => {
    assert.equal(isDueAtOnce(scopes, { ...LIMITS, ...limits }), dueAtOnce)
    if (dueAtOnce) assert.equal(planBatch(scopes, { ...LIMITS, ...limits }, 0).due, true)
  })
