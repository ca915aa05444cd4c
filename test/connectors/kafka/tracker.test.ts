import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFull, metadataText, readMetadata } from '../../../connectors/kafka/metadata.ts'
import {
  beginAt,
  finish,
  isFinished,
  runsOf,
  type Tracker,
  takeIn,
  unfinished,
} from '../../../connectors/kafka/tracker.ts'

const range = (from: number, end: number): readonly number[] =>
  Array.from({ length: end - from }, (_, index) => from + index)

const taken = (from: number, end: number): Tracker => takeIn(beginAt(from), range(from, end), end)

const cases: readonly (readonly [what: string, tracker: Tracker, committed: number, next: number])[] = [
  ['nothing is finished when it begins', beginAt(5), 5, 5],
  ['taking in finishes nothing', taken(5, 10), 5, 10],
  ['a finished head moves the commit', finish(taken(5, 10), [[5, 5]]), 6, 10],
  ['a finished tail does not', finish(taken(5, 10), [[9, 9]]), 5, 10],
  ['what lay beyond a gap counts once the gap is closed', finish(finish(taken(0, 4), [[1, 2]]), [[0, 0]]), 3, 4],
  ['all finished is everything taken in', finish(taken(0, 4), runsOf([3, 1, 0, 2])), 4, 4],
  ['offsets without a record do not hold up the commit', finish(takeIn(beginAt(0), [0, 5], 9), [[0, 0]]), 5, 9],
  ['a fetch without any record moves on', takeIn(beginAt(3), [], 7), 7, 7],
  ['what comes again changes nothing', takeIn(taken(0, 6), range(2, 4), 4), 0, 6],
  ['finishing twice is finishing once', finish(finish(taken(0, 3), [[0, 0]]), [[0, 0]]), 1, 3],
  ['what was finished before a restart is finished', takeIn(beginAt(4, [[5, 6]]), range(4, 8), 8), 4, 8],
]

for (const [what, tracker, committed, next] of cases)
  test(`tracker: ${what}`, () => {
    assert.deepEqual([tracker.committed, tracker.next], [committed, next])
  })

test('whatever the order of verdicts, the commit is the lowest unfinished offset', () => {
  let state = 1
  const random = (): number => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
  for (let round = 0; round < 200; round += 1) {
    const offsets = range(0, 40).filter(() => random() < 0.8)
    let tracker = takeIn(beginAt(0), offsets, 40)
    const left = new Set(offsets)
    for (const offset of [...offsets].sort(() => random() - 0.5)) {
      tracker = finish(tracker, [[offset, offset]])
      left.delete(offset)
      assert.equal(tracker.committed, Math.min(40, ...left))
      for (const each of offsets) assert.equal(isFinished(tracker, each), !left.has(each))
      assert.ok(unfinished(tracker, 40) === left.size, `${unfinished(tracker, 40)} of ${left.size}`)
    }
  }
})

test('what a commit says of finished records and attempts is read back', () => {
  const tracker = finish(taken(100, 200), [
    [103, 105],
    [150, 150],
    [198, 199],
  ])
  const notes = new Map([
    [100, { attempts: 3, firstSeen: 1_700_000_000_000 }],
    [101, { attempts: 0, firstSeen: 1_700_000_000_000 }],
    [151, { attempts: 1, firstSeen: 1_700_000_000_001 }],
  ])
  const text = metadataText(tracker, notes)
  const read = readMetadata(text, 100)
  assert.deepEqual(read.finished, tracker.finished)
  assert.deepEqual([...read.notes.keys()], [100, 151])
  assert.deepEqual(read.notes.get(100), notes.get(100))
})

test('nothing to say is no metadata', () => {
  assert.equal(metadataText(taken(0, 10), new Map()), '')
})

test('metadata of another offset, of somebody else or cut short is ignored', () => {
  const text = metadataText(finish(taken(0, 10), [[4, 4]]), new Map())
  const nothing = { finished: [], notes: new Map() }
  assert.deepEqual(readMetadata(text, 1), nothing)
  for (const odd of [
    null,
    '',
    'retries=3',
    text.slice(0, -3),
    '{"v":1,"base":0,"runs":["a"]}',
    '{"v":1,"base":0,"runs":[-5,2]}',
  ])
    assert.deepEqual(readMetadata(odd, 0), nothing)
})

test('metadata never exceeds what a broker takes, and a lane says so before', () => {
  const every2nd = runsOf(range(0, 4_000).filter(offset => offset % 2 === 1))
  const tracker = finish(taken(0, 4_000), every2nd)
  const notes = new Map(range(0, 4_000).map(offset => [offset, { attempts: 1, firstSeen: 1_700_000_000_000 }]))
  assert.ok(isFull(tracker))
  const text = metadataText(tracker, notes)
  assert.ok(text.length <= 4_096 && text.length > 4_080, `${text.length} characters`)
  const { finished, notes: noted } = readMetadata(text, 0)
  assert.deepEqual(finished, tracker.finished.slice(0, finished.length), 'the first of them, each as it is')
  assert.deepEqual([...noted], [[0, notes.get(0)]], 'and how often the head has failed')
  assert.ok(metadataText(taken(0, 4_000), notes).length <= 4_096)
  const few = finish(taken(0, 400), every2nd.slice(0, 100))
  assert.ok(!isFull(few))
  assert.deepEqual(readMetadata(metadataText(few, notes), 0).finished, few.finished)
})
