import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Breaker, closedBreaker } from '../../../core/flow/breaker.ts'
import { createCredit, createSharedBytes } from '../../../core/flow/credit.ts'
import type { Flow } from '../../../core/flow/flow.ts'
import type { Policy } from '../../../core/flow/policy.ts'
import { whatToAsk } from '../../../core/flow/pump.ts'
import { createWaiting } from '../../../core/flow/waiting.ts'
import { entryOf } from './entries.ts'
import { POLICY } from './running.ts'

const OPEN: Breaker = { state: 'open', cause: 'failures', probeAt: 0, pauseMs: 1 }

/** What whatToAsk looks at. `claimed`: names of records by lane, `0/a` being of the scope a in lane 0. */
const flowWith = (policy: Partial<Policy>, claimed: readonly string[] = [], changes: Partial<Flow> = {}) => {
  const spec = { policy: { ...POLICY, ...policy } }
  const credit = createCredit(spec.policy, createSharedBytes(1_000_000_000))
  const waiting = createWaiting()
  const entries = claimed.map(place => {
    const [lane = '', name = null] = place.split('/')
    const entry = entryOf(waiting.scope(name, lane), place)
    credit.claim(entry)
    waiting.add(entry)
    return entry
  })
  const flow = { spec, credit, waiting, phase: 'running', breaker: closedBreaker, stoppedScopes: new Set(), ...changes }
  return { flow: flow as unknown as Flow, entries }
}

test('a mapping asks for as much as there is credit for', () => {
  const { flow } = flowWith({ maxInFlight: 50 }, ['0', '0'])
  assert.equal(whatToAsk(flow)?.max, 48)
})

test('zero credit, in records or in bytes: nothing is asked for', () => {
  assert.equal(whatToAsk(flowWith({ maxInFlight: 2 }, ['0', '0']).flow), undefined)
  assert.equal(whatToAsk(flowWith({ maxInFlightBytes: 512 }, ['0', '0']).flow), undefined)
})

test('one poll asks for a thousand records at most', () => {
  assert.equal(whatToAsk(flowWith({ maxInFlight: 100_000 }).flow)?.max, 1_000)
})

for (const phase of ['starting', 'paused', 'draining', 'stopped', 'failed'] as const)
  test(`a mapping that is ${phase} asks for nothing`, () => {
    assert.equal(whatToAsk(flowWith({}, [], { phase }).flow), undefined)
  })

test('an open breaker asks for one record', () => {
  assert.equal(whatToAsk(flowWith({}, [], { breaker: OPEN }).flow)?.max, 1)
})

test('an open breaker asks for nothing while it has a record that was in no probe yet', () => {
  const { flow, entries } = flowWith({}, ['0'], { breaker: OPEN })
  assert.equal(whatToAsk(flow), undefined)
  for (const entry of entries) entry.probes = 1
  assert.equal(whatToAsk(flow)?.max, 1)
})

test('a lane that has its share is left out', () => {
  const { flow } = flowWith({ order: 'lane', batchSize: 1 }, ['0/0', '0/0', '1/1'])
  assert.deepEqual([...(whatToAsk(flow)?.skipLanes ?? [])], ['0'])
  assert.equal(whatToAsk(flow)?.maxPerLane, 1)
})

test('a lane is asked for no more than it has left of its share', () => {
  const { flow } = flowWith({ order: 'lane', batchSize: 5 }, ['0/0', '0/0', '0/0', '1/1'])
  assert.equal(whatToAsk(flow)?.maxPerLane, 7)
})

test('a lane that is left out does not make the others get less', () => {
  const { flow, entries } = flowWith({ order: 'lane', batchSize: 2 }, ['0/0', '0/0', '0/0', '1/1'])
  const [head] = entries
  assert.ok(head)
  flow.waiting.block(head.scope, 100)
  assert.deepEqual([[...(whatToAsk(flow)?.skipLanes ?? [])], whatToAsk(flow)?.maxPerLane], [['0'], 3])
})

test('an ordered lane whose head waits is left out', () => {
  const { flow, entries } = flowWith({ order: 'lane' }, ['0/0', '1/1'])
  const [head] = entries
  assert.ok(head)
  flow.waiting.block(head.scope, 100)
  assert.deepEqual([...(whatToAsk(flow)?.skipLanes ?? [])], ['0'])
})

test('a lane that stopped behind a dead letter is left out though nothing of it is claimed', () => {
  const { flow } = flowWith({ order: 'lane' }, [], { stoppedScopes: new Set(['3']) })
  assert.deepEqual([...(whatToAsk(flow)?.skipLanes ?? [])], ['3'])
})

test('keys that wait may hold half of the credit; beyond that their lane is left out', () => {
  const { flow, entries } = flowWith({ order: 'key', maxInFlight: 4, batchSize: 4 }, ['0/a', '0/b', '0/c'])
  const [a, b, c] = entries
  assert.ok(a && b && c)
  flow.waiting.block(a.scope, 100)
  flow.waiting.block(b.scope, 100)
  assert.deepEqual([...(whatToAsk(flow)?.skipLanes ?? [])], [])
  flow.waiting.block(c.scope, 100)
  assert.deepEqual([...(whatToAsk(flow)?.skipLanes ?? [])], ['0'])
})

test('without order nothing that waits keeps a lane from being read', () => {
  const { flow, entries } = flowWith({ order: 'none' }, ['0', '0'])
  for (const entry of entries) flow.waiting.block(entry.scope, 100)
  assert.deepEqual([...(whatToAsk(flow)?.skipLanes ?? [])], [])
})
