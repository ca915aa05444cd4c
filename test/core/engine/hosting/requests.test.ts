/** What is sent ahead, and who is to blame when an environment ends: decided from what its mark says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '../../../../core/clock.ts'
import { createCompany } from '../../../../core/engine/company.ts'
import type { Outcome } from '../../../../core/engine/contract.ts'
import {
  createRequests,
  type Ended,
  RECALL_MS,
  type Requests,
  STAGED_BYTES,
} from '../../../../core/engine/hosting/requests.ts'
import { createVirtualClock } from '../../../../core/testing/virtual-clock.ts'
import { invocation, invoked } from '../harness.ts'

const FAILED: Outcome = { kind: 'failed', error: { name: 'Failed', message: 'it ended' }, refused: [] }
const BEFORE: Outcome = { kind: 'failed', error: { name: 'Before', message: 'it had ended before' }, refused: [] }
const ANSWERED: Outcome = { kind: 'answered', value: null, refused: [] }

interface Made {
  readonly requests: Requests
  readonly sent: number[]
  /** Of those sent: there was no other. */
  readonly only: number[]
  /** What `requests` asked of its environment. */
  readonly asked: string[]
  readonly ended: Map<number, Ended>
  add(bytes: number, signal?: AbortSignal): void
}

const make = (mark = { begun: 0 }, clock: Clock = systemClock, company = createCompany(2)): Made => {
  const sent: number[] = []
  const only: number[] = []
  const asked: string[] = []
  const ended = new Map<number, Ended>()
  const requests = createRequests({
    spec: { name: 'f', timeoutMs: 60_000 },
    clock,
    killed: 'it was killed',
    company,
    send: (id, how) => {
      sent.push(id)
      if (how === 'only') only.push(id)
    },
    abort: id => void asked.push(`abort ${id}`),
    kill: outcome => void asked.push(`kill ${outcome.kind}`),
    begun: () => mark.begun,
    recall: upTo => {
      asked.push(`recall ${upTo}`)
      return mark.begun
    },
  })
  let count = 0
  return {
    requests,
    sent,
    only,
    asked,
    ended,
    add(bytes, signal = new AbortController().signal) {
      count += 1
      const id = count
      const request = invocation([invoked(new Uint8Array(bytes), 0)], { signal })
      requests.add(
        request,
        () => undefined,
        how => void ended.set(id, how),
      )
    },
  }
}

test('ahead of their turn go no more bytes than may be staged; the rest waits, in its order', () => {
  const { requests, sent, ended, add } = make()
  add(10)
  add(STAGED_BYTES - 10_000)
  assert.equal(requests.hasRoom, true)
  add(20_000)
  assert.equal(requests.hasRoom, false)
  add(10)
  assert.deepEqual(sent, [1, 2], 'the small one does not overtake')
  requests.answered(1, { outcome: ANSWERED, tookMs: 1 })
  assert.deepEqual(sent, [1, 2])
  requests.answered(2, { outcome: ANSWERED, tookMs: 1 })
  assert.deepEqual(sent, [1, 2, 3, 4])
  requests.endAll(FAILED, BEFORE)
  assert.deepEqual(
    [...ended.values()].map(({ outcome, begun }) => [outcome.kind, begun]),
    [
      ['answered', true],
      ['answered', true],
      ['failed', false],
      ['failed', false],
    ],
  )
})

test('one is the only one where nothing is before it, and few environments have anything at all', () => {
  const company = createCompany(2)
  const mine = make({ begun: 0 }, systemClock, company)
  const other = make({ begun: 0 }, systemClock, company)
  mine.add(10)
  mine.add(10)
  other.add(10)
  for (const id of [1, 2]) mine.requests.answered(id, { outcome: ANSWERED, tookMs: 1 })
  mine.add(10)
  other.requests.endAll(FAILED, BEFORE)
  mine.requests.answered(3, { outcome: ANSWERED, tookMs: 1 })
  mine.add(10)
  assert.deepEqual(mine.only, [1, 4])
  assert.deepEqual(other.only, [])
})

test('behind Init one is sent that may be staged, and none begins before it has ended', () => {
  const clock = createVirtualClock()
  for (const [bytes, early] of [
    [STAGED_BYTES, [1]],
    [STAGED_BYTES + 1_000, []],
  ] as const) {
    const { requests, sent, asked, ended, add } = make({ begun: 0 }, clock)
    requests.shut()
    add(bytes - 1_000)
    assert.deepEqual(sent, early)
    clock.advance(120_000)
    assert.deepEqual(asked, [], 'its timeout has not begun')
    requests.open()
    assert.deepEqual(sent, [1])
    clock.advance(500)
    requests.answered(1, { outcome: ANSWERED, tookMs: 1 })
    assert.equal(ended.get(1)?.durationMs, 500)
  }
})

test('behind an Init that failed none has begun, and behind one that is made again each is sent again', () => {
  const { requests, sent, ended, add } = make()
  requests.shut()
  add(10)
  requests.sendAgain()
  assert.deepEqual(sent, [1, 1])
  requests.endAll(FAILED, BEFORE)
  assert.deepEqual(
    [...ended.values()].map(({ begun, durationMs }) => [begun, durationMs]),
    [[false, 0]],
  )
  assert.equal(requests.size, 0)
})

test('one that is larger than all that may be staged goes when it is its turn', () => {
  const { requests, sent, add } = make()
  add(2 * STAGED_BYTES)
  assert.deepEqual(sent, [1])
  add(2 * STAGED_BYTES)
  assert.deepEqual(sent, [1])
  requests.answered(1, { outcome: ANSWERED, tookMs: 1 })
  assert.deepEqual(sent, [1, 2])
  requests.endAll(FAILED, BEFORE)
})

test('of an environment that ended: the one that ran failed, what had not begun is free, and nobody else is to blame', () => {
  const table = [
    { begun: 0, becomes: ['failed false', 'failed false', 'failed false'] },
    { begun: 1, becomes: ['failed true', 'failed false', 'failed false'] },
    // The first had just answered when it was killed, and the next had begun: it is not to blame for that.
    { begun: 2, becomes: ['failed true', 'aborted true', 'failed false'] },
  ]
  for (const { begun, becomes } of table) {
    const { requests, ended, add } = make({ begun })
    for (let each = 0; each < 3; each += 1) add(1)
    requests.endAll(FAILED, BEFORE)
    assert.deepEqual(
      [...ended.values()].map(how => `${how.outcome.kind} ${how.begun}`),
      becomes,
    )
    assert.equal(requests.size, 0)
  }
})

test('the first decision about a request stands, and its answer comes too late', () => {
  const { requests, asked, ended, add } = make({ begun: 1 })
  add(1)
  requests.decide(FAILED)
  requests.decide(ANSWERED)
  requests.answered(1, { outcome: ANSWERED, tookMs: 1 })
  assert.deepEqual(asked, ['kill failed'])
  assert.equal(ended.size, 0)
  requests.endAll(ANSWERED, BEFORE)
  assert.deepEqual(ended.get(1)?.outcome, FAILED)
})

test('claims that are lost: what was sent is told to the environment, what was not is over at once', () => {
  const { asked, ended, requests, add } = make()
  const lost = new AbortController()
  add(1)
  add(STAGED_BYTES, lost.signal)
  lost.abort()
  assert.deepEqual(asked, [])
  assert.equal(ended.get(2)?.outcome.kind, 'aborted')
  const alsoLost = new AbortController()
  add(1, alsoLost.signal)
  alsoLost.abort()
  assert.deepEqual(asked, ['abort 3'])
  requests.endAll(FAILED, BEFORE)
})

test('what waits behind one that takes long is recalled, unless it begins in that moment', () => {
  const clock = createVirtualClock()
  const mark = { begun: 1 }
  const { requests, asked, ended, sent, add } = make(mark, clock)
  for (const bytes of [1, 1, STAGED_BYTES]) add(bytes)
  assert.deepEqual(sent, [1, 2])
  clock.advance(RECALL_MS - 1)
  requests.answered(1, { outcome: ANSWERED, tookMs: 1 })
  mark.begun = 2
  add(1)
  clock.advance(RECALL_MS - 1)
  assert.deepEqual(asked, [], 'each has its own time')
  assert.equal(requests.hasRoom, false, 'the large one is not sent yet')
  clock.advance(1)
  assert.deepEqual(asked, ['recall 4'])
  assert.deepEqual(
    [...ended].map(([id, how]) => `${id} ${how.begun} ${how.recalled}`),
    ['1 true false', '3 false true', '4 false true'],
  )
  assert.equal(requests.hasRoom, false, 'nothing is staged behind it any more')
  requests.leftOut(3)
  requests.answered(2, { outcome: ANSWERED, tookMs: 1 })
  assert.equal(requests.size, 0)
})

test('one that began as it was recalled runs; one that finds that out is given back', () => {
  const clock = createVirtualClock()
  const mark = { begun: 2 }
  const { requests, ended, add } = make(mark, clock)
  for (let each = 0; each < 3; each += 1) add(1)
  clock.advance(RECALL_MS)
  assert.deepEqual([...ended.keys()], [3])
  requests.leftOut(2)
  assert.equal(ended.get(2)?.recalled, true)
  requests.answered(1, { outcome: ANSWERED, tookMs: 1 })
  assert.equal(requests.size, 0)
})
