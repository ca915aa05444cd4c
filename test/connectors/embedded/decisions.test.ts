/** The pure decisions of the embedded broker, as tables. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runsOf } from '../../../connectors/embedded/claims.ts'
import {
  abandon,
  finish,
  notesFromText,
  notesToText,
  type OffsetRun,
  type Progress,
  release,
} from '../../../connectors/embedded/progress.ts'
import { countPast } from '../../../connectors/embedded/retention.ts'
import { fairShare, planShare } from '../../../connectors/embedded/share.ts'

const progress = (committed: number, claimed: number, finished: readonly OffsetRun[] = []): Progress => ({
  committed,
  claimed,
  finished,
  notes: new Map(),
})

const FINISH: readonly (readonly [
  Progress,
  readonly OffsetRun[],
  committed: number,
  finished: readonly OffsetRun[],
])[] = [
  [progress(0, 10), [[0, 4]], 5, []],
  [progress(0, 10), [[3, 4]], 0, [[3, 4]]],
  [progress(0, 10, [[3, 4]]), [[0, 2]], 5, []],
  [progress(0, 10, [[3, 4]]), [[0, 1]], 2, [[3, 4]]],
  [progress(0, 10, [[3, 4]]), [[5, 6]], 0, [[3, 6]]],
  [
    progress(0, 10, [
      [3, 4],
      [8, 8],
    ]),
    [[5, 7]],
    0,
    [[3, 8]],
  ],
  [progress(5, 10), [[1, 2]], 5, []],
  [
    progress(5, 10),
    [
      [5, 5],
      [7, 7],
    ],
    6,
    [[7, 7]],
  ],
]

test('a finished prefix moves the commit, and what is finished beyond it is remembered as runs', () => {
  for (const [before, runs, committed, finished] of FINISH) {
    const after = finish(before, runs)
    assert.deepEqual([after.committed, after.finished], [committed, finished])
  }
})

test('a release sends the claim back, but never behind what is committed', () => {
  assert.equal(release(progress(3, 9), 5, new Map()).claimed, 5)
  assert.equal(release(progress(3, 9), 1, new Map()).claimed, 3)
  assert.equal(release(progress(3, 9), 20, new Map()).claimed, 9)
})

test('a dead owner leaves a mark on each record that was in flight, and on no other', () => {
  const after = abandon(progress(2, 6, [[4, 4]]), 77)
  assert.equal(after.claimed, 2)
  assert.deepEqual(
    [...after.notes],
    [2, 3, 5].map(offset => [offset, { attempts: 0, prior: 1, seen: 77 }]),
  )
  assert.equal(abandon({ ...after, claimed: 3 }, 99).notes.get(2)?.prior, 2)
})

test('notes survive being written, neighbours that know the same as one entry', () => {
  const same = { attempts: 1, prior: 2, seen: 3 }
  const notes = new Map([
    [4, same],
    [5, same],
    [7, { ...same, attempts: 9 }],
  ])
  assert.equal(notesToText(notes), '[[4,5,1,2,3],[7,7,9,2,3]]')
  assert.deepEqual(notesFromText(notesToText(notes)), notes)
  assert.equal(notesToText(new Map()), '')
})

test('neighbouring numbers are runs', () => {
  assert.deepEqual(runsOf([1, 2, 3, 5, 7, 8].map(id => ({ id }))), [
    { first: 1, last: 3 },
    { first: 5, last: 5 },
    { first: 7, last: 8 },
  ])
})

test('shares add up, whoever asks', () => {
  for (const partitions of [1, 2, 7, 8, 1024])
    for (const members of [[4], [4, 9], [4, 9, 11], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]) {
      const shares = members.map(me => fairShare(members, me, partitions))
      assert.equal(
        shares.reduce((a, b) => a + b, 0),
        partitions,
      )
      assert.ok(Math.max(...shares) - Math.min(...shares) <= 1)
    }
  assert.equal(fairShare([4, 9], 5, 8), 0)
})

test('a member gives what is idle first, waits for the rest, and takes only what nobody has', () => {
  const held = [
    { partition: 0, member: 1, idle: true },
    { partition: 1, member: 1, idle: false },
    { partition: 2, member: 1, idle: false },
    { partition: 3, member: null, idle: true },
  ]
  assert.deepEqual(planShare(held, [1, 2], 1, new Set()), { free: [0], leave: [], take: [] })
  assert.deepEqual(planShare(held, [1, 2], 2, new Set()), { free: [], leave: [], take: [3] })
  assert.deepEqual(planShare(held, [1, 2, 3, 4], 1, new Set()), { free: [0], leave: [2], take: [] })
  assert.deepEqual(planShare(held, [1, 2, 3, 4], 1, new Set([2])), { free: [0, 2], leave: [], take: [] })
})

test('retention counts from the oldest record, by age and by the bytes from it to the newest', () => {
  const rows = [100, 200, 300].map((at, index) => ({ id: index, at, bytes: 10 }))
  const never = { ageMs: 1e9, bytes: 1e9 }
  assert.equal(countPast(rows, 30, 1_000, never), 0)
  assert.equal(countPast(rows, 30, 1_000, { ...never, ageMs: 750 }), 2)
  assert.equal(countPast(rows, 30, 1_000, { ...never, bytes: 15 }), 2)
  assert.equal(countPast(rows, 30, 1_000, { ageMs: 0, bytes: 0 }), 3)
})
