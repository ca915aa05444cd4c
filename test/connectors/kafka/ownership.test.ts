/** What a new generation does to lanes, without a broker. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Group } from '../../../connectors/kafka/group.ts'
import {
  applyVerdicts,
  claim,
  claimOf,
  createLane,
  type Lane,
  loseLane,
  receive,
} from '../../../connectors/kafka/lane.ts'
import { endOwnership, noOwner, noteChange, type Owned, ownershipHooks } from '../../../connectors/kafka/ownership.ts'
import { recordOf } from '../../../connectors/kafka/record.ts'
import { silentLog } from '../../../core/log.ts'
import { createVirtualClock } from '../../../core/testing/virtual-clock.ts'

const PLACE = { topic: 'orders', partition: 0 }
const MEMBER = { memberId: 'me', generationId: 5 }
/** Nobody asks it anything: no partition is gained in these tests. */
const unasked: Group = {
  coordinator: () => Promise.reject(new Error('was asked')),
  forgetCoordinator: () => {},
  offsets: () => Promise.reject(new Error('was asked')),
  close: async () => {},
}

const laneWithClaims = (offsets: readonly number[]) => {
  const lane = createLane(
    { topic: 'orders', partition: 0 },
    { committed: offsets[0] ?? 0, finished: [], notes: new Map() },
  )
  const end = (offsets.at(-1) ?? -1) + 1
  receive(
    lane,
    offsets.map(offset => ({
      offset,
      bytes: 1,
      record: recordOf({ ...lane, address: 'shop/orders' }, message(offset)),
    })),
    end,
  )
  return { lane, claims: claim(lane, { max: 100, maxPerLane: 100, maxBytes: 1_000 }, 0) }
}

const message = (offset: number) => ({
  key: null,
  value: Buffer.from('x'),
  timestamp: '0',
  attributes: 0,
  offset: String(offset),
  headers: {},
})

const running = () => {
  const { lane, claims } = laneWithClaims([3, 4])
  const owned: Owned = noOwner()
  owned.lanes.set(lane.name, lane)
  owned.member = MEMBER
  owned.phase = 'running'
  const commits: string[] = []
  const clock = createVirtualClock()
  const hooks = ownershipHooks(owned, {
    clock,
    log: silentLog,
    reader: { groupId: 'g', topics: new Map([['orders', 'earliest']]), retryTopics: new Set() },
    drainMs: 1_000,
    heartbeatMs: 100,
    group: () => unasked,
    committer: () => ({ flush: async () => void commits.push(owned.phase) }),
  })
  return { owned, hooks, lane, claims, commits, clock }
}

const generations: readonly (readonly [what: string, memberId: string, generationId: number, kept: boolean])[] = [
  ['the next generation keeps the lanes that stay', 'me', 6, true],
  ['a generation that was missed loses all: somebody else may have had them', 'me', 7, false],
  ['another member id loses all', 'somebody', 6, false],
]

for (const [what, memberId, generationId, kept] of generations)
  test(what, async () => {
    const { owned, hooks, claims } = running()
    hooks.joined({ memberId, generationId })
    assert.equal(owned.lanes.has('orders/0'), kept)
    assert.ok(claims.every(({ lost }) => lost.aborted !== kept))
  })

test('a lane that is not assigned any more is lost, and verdicts on it do nothing', async () => {
  const { owned, hooks, lane, claims, commits } = running()
  hooks.joined({ memberId: 'me', generationId: 6 })
  await hooks.assigned({ memberId: 'me', generationId: 6 }, [])
  assert.equal(owned.lanes.size, 0)
  assert.equal(lane.owned, 'no')
  assert.ok(claims.every(({ lost }) => lost.aborted))
  applyVerdicts(
    lane,
    claims.map(delivery => ({ delivery, outcome: 'accepted' })),
  )
  assert.equal(lane.tracker.committed, 3)
  assert.deepEqual(commits, ['running'])
})

test('a member that was thrown out loses all before it joins again', async () => {
  const { owned, hooks, claims } = running()
  await hooks.beforeJoin('')
  assert.equal(owned.phase, 'joining')
  assert.ok(claims.every(({ lost }) => lost.aborted))
})

test('a join waits until what is claimed is settled and told, and no longer', async () => {
  const { owned, hooks, lane, claims, commits } = running()
  let joined = false
  const joining = hooks.beforeJoin('me').then(() => {
    joined = true
  })
  await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual([joined, owned.phase], [false, 'draining'])
  applyVerdicts(
    lane,
    claims.map(delivery => ({ delivery, outcome: 'accepted' })),
  )
  noteChange(owned)
  await joining
  assert.deepEqual(commits, ['draining'])
  assert.equal(owned.phase, 'joining')
  assert.ok(claims.every(delivery => claimOf(delivery)?.state === 'settled'))
})

test('whoever has left does not join again', async () => {
  const { owned, hooks } = running()
  endOwnership(owned)
  await assert.rejects(hooks.beforeJoin('me'), /has left its group/)
})

test('where offsets begin again below the position, claims are lost and reading goes on there', () => {
  const { owned, hooks, claims } = running()
  hooks.reset(PLACE, '0')
  const lane: Lane | undefined = owned.lanes.get('orders/0')
  assert.equal(lane?.tracker.next, 0)
  assert.ok(claims.every(({ lost }) => lost.aborted))
})

test('where records are gone above the position, what is claimed goes on', () => {
  const { owned, hooks, claims, lane } = running()
  hooks.reset(PLACE, '50')
  assert.equal(owned.lanes.get('orders/0'), lane)
  assert.equal(lane.tracker.next, 50)
  assert.equal(lane.tracker.committed, 3)
  assert.ok(claims.every(({ lost }) => !lost.aborted))
})

test('a join that is tried again is the same rebalance for whoever waits for its end', async () => {
  const { owned, hooks } = running()
  await hooks.beforeJoin('')
  const { promise } = owned.settledPhase
  await hooks.beforeJoin('')
  hooks.joined({ memberId: 'another', generationId: 9 })
  await hooks.assigned({ memberId: 'another', generationId: 9 }, [])
  await promise
  assert.equal(owned.phase, 'running')
})

test('a lane whose commit could tell no more claims only what makes it less', () => {
  const { lane, claims } = laneWithClaims(Array.from({ length: 4_000 }, (_, offset) => offset))
  assert.equal(claims.length, 100)
  const rest = claim(lane, { max: 3_000, maxPerLane: 3_000, maxBytes: 100_000 }, 0)
  const odd = rest.filter((_, index) => index % 2 === 1)
  applyVerdicts(
    lane,
    odd.map(delivery => ({ delivery, outcome: 'accepted' })),
  )
  const more = { max: 10, maxPerLane: 10, maxBytes: 1_000 }
  assert.deepEqual(claim(lane, more, 0), [])
  const [head] = claims
  assert.ok(head)
  applyVerdicts(lane, [{ delivery: head, outcome: 'released', attempts: 1 }])
  assert.equal(claim(lane, more, 0)[0]?.record.id, head.record.id)
})

test('the claims of a lane share a signal; when some are lost, the others have another one', () => {
  const { lane, claims } = laneWithClaims([3, 4, 5])
  const [settled, released, behind] = claims.map(delivery => ({ delivery, before: delivery.lost }))
  assert.ok(settled && released && behind)
  assert.equal(settled.before, behind.before)
  applyVerdicts(lane, [
    { delivery: settled.delivery, outcome: 'accepted' },
    { delivery: released.delivery, outcome: 'released', attempts: 1 },
  ])
  assert.deepEqual(
    claims.map(({ lost }) => lost.aborted),
    [false, false, true],
  )
  assert.ok(behind.before.aborted, 'whoever listens to the signal of before looks again')
  loseLane(lane)
  assert.equal(settled.delivery.lost.aborted, false, 'what was settled in time is not lost with its lane')
})
