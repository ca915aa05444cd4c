import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Settlement, Source, Unsettled } from '../../../core/contract.ts'
import { MillraceError } from '../../../core/errors.ts'
import type { Entry, Scope } from '../../../core/flow/entry.ts'
import { createSettler } from '../../../core/flow/settler.ts'
import { createVirtualClock } from '../../../core/testing/virtual-clock.ts'
import { settleDown } from '../../simulation/world.ts'
import { entryOf } from './entries.ts'

const ERROR = new MillraceError('SETTLE_FAILED', 'not now')

const setUp = (settle: (settlements: readonly Settlement[]) => Promise<readonly Unsettled[]>) => {
  const clock = createVirtualClock()
  const seen: string[] = []
  let stuckAtMs: number | undefined
  const settler = createSettler({
    clock,
    random: () => 0.5,
    signal: new AbortController().signal,
    settleTimeoutMs: 10_000,
    source: () => ({ settle }) as unknown as Source,
    onSettled: (entry, { outcome }) => void seen.push(`${entry.delivery.record.id} ${outcome}`),
    onTrouble: () => {},
    onStuck: () => {
      stuckAtMs ??= clock.monotonic()
    },
  })
  const pass = async (ms: number): Promise<void> => {
    const untilMs = clock.monotonic() + ms
    for (await settleDown(); (clock.nextAt() ?? Number.POSITIVE_INFINITY) <= untilMs; await settleDown())
      clock.advance((clock.nextAt() ?? 0) - clock.monotonic())
    clock.advance(untilMs - clock.monotonic())
  }
  return { settler, seen, pass, stuckAtMs: () => stuckAtMs }
}

const entry = (id: string): Entry => {
  const scope: Scope = { name: null, lane: '0', queue: [], busy: 0, blockedUntil: 0 }
  return entryOf(scope, id)
}
const accept = ({ delivery }: Entry): Settlement => ({ delivery, outcome: 'accepted' })

test('verdicts of one turn go together, and each is told once', async () => {
  const calls: number[] = []
  const { settler, seen, pass } = setUp(async settlements => {
    calls.push(settlements.length)
    return []
  })
  for (const each of [entry('a'), entry('b')]) settler.settle(each, accept(each))
  assert.equal(settler.size, 2)
  await pass(1)
  assert.deepEqual([calls, seen, settler.size], [[2], ['a accepted', 'b accepted'], 0])
})

test('a verdict that was not taken is kept and told again, the others are done', async () => {
  let refusing = 3
  const { settler, seen, pass } = setUp(async settlements => {
    refusing -= 1
    return settlements
      .filter(({ delivery }) => delivery.record.id === 'a' && refusing >= 0)
      .map(({ delivery }) => ({ delivery, error: ERROR }))
  })
  for (const each of [entry('a'), entry('b')]) settler.settle(each, accept(each))
  await pass(1)
  assert.deepEqual([seen, settler.size], [['b accepted'], 1])
  await pass(5_000)
  assert.deepEqual(seen, ['b accepted', 'a accepted'])
})

test('a verdict that is refused again and again keeps no other waiting', async () => {
  const { settler, seen, pass } = setUp(async settlements =>
    settlements
      .filter(({ delivery }) => delivery.record.id === 'bad')
      .map(({ delivery }) => ({ delivery, error: ERROR })),
  )
  for (const each of [entry('bad'), entry('a')]) settler.settle(each, accept(each))
  await pass(9_000)
  const late = entry('late')
  settler.settle(late, accept(late))
  await pass(1)
  assert.deepEqual([seen, settler.size], [['a accepted', 'late accepted'], 1])
})

test('a source that takes nothing at all is not asked again for every verdict', async () => {
  let calls = 0
  const { settler, pass } = setUp(async () => {
    calls += 1
    throw ERROR
  })
  for (let index = 0; index < 100; index += 1) {
    const each = entry(`${index}`)
    settler.settle(each, accept(each))
    await pass(10)
  }
  assert.ok(calls <= 6, `${calls} calls in a second`)
})

test('a source that throws took nothing', async () => {
  let calls = 0
  const { settler, seen, pass } = setUp(async () => {
    calls += 1
    if (calls === 1) throw new Error('connection lost')
    return []
  })
  const a = entry('a')
  settler.settle(a, accept(a))
  await pass(5_000)
  assert.deepEqual([calls, seen], [2, ['a accepted']])
})

test('a source that refuses for settleTimeout is said to be stuck, and not before', async () => {
  const { settler, pass, stuckAtMs } = setUp(() => Promise.reject(ERROR))
  const a = entry('a')
  settler.settle(a, accept(a))
  await pass(9_900)
  assert.equal(stuckAtMs(), undefined)
  await pass(6_000)
  assert.ok((stuckAtMs() ?? 0) >= 10_000)
})

test('a source that does not answer is stuck after settleTimeout', async () => {
  const { settler, pass, stuckAtMs } = setUp(() => new Promise(() => {}))
  const a = entry('a')
  settler.settle(a, accept(a))
  await pass(10_001)
  assert.equal(stuckAtMs(), 10_000)
})

test('the verdict on a lost claim is remembered until the source takes it for a later one', async () => {
  const { settler, pass, seen } = setUp(async () => [])
  const lost = entry('a')
  lost.state = 'gone'
  settler.settle(lost, accept(lost))
  assert.equal(settler.remembered('a'), 'accepted')
  await pass(1)
  assert.deepEqual(seen, [], 'nobody is told of a lost claim')
  const again = entry('a')
  settler.settle(again, accept(again))
  await pass(1)
  assert.deepEqual([seen, settler.remembered('a')], [['a accepted'], undefined])
})

test('a claim that is lost while the source is told was perhaps not settled', async () => {
  let answer: (() => void) | undefined
  const { settler, pass, seen } = setUp(() => new Promise(resolve => (answer = () => resolve([]))))
  const a = entry('a')
  settler.settle(a, accept(a))
  await pass(1)
  a.state = 'gone'
  settler.remember(a, 'accepted')
  answer?.()
  await pass(1)
  assert.deepEqual([seen, settler.remembered('a')], [[], 'accepted'])
})

test('of a record with a weak id nothing is remembered', () => {
  const { settler } = setUp(async () => [])
  const a = entry('a')
  const weak: Entry = { ...a, delivery: { ...a.delivery, record: { ...a.delivery.record, idStrength: 'weak' } } }
  settler.remember(weak, 'accepted')
  assert.equal(settler.remembered('a'), undefined)
})
