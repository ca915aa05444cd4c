/** Who gets which partitions, without a broker. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import kafkajs from 'kafkajs'
import { type Candidate, deal } from '../../../connectors/kafka/deal.ts'
import { laneName } from '../../../connectors/kafka/place.ts'
import { stickyAssigner, type TopicMetadata } from '../../../connectors/kafka/sticky.ts'
import { silentLog } from '../../../core/log.ts'

/** `a/0 a/1` */
const places = (text: string) =>
  text
    .split(' ')
    .filter(Boolean)
    .map(lane => ({ topic: lane.split('/')[0] ?? '', partition: Number(lane.split('/')[1]) }))

const member = (memberId: string, owned = '', changes: Partial<Candidate> = {}): Candidate => ({
  memberId,
  topics: new Set(['a', 'b', 'c']),
  generationId: 1,
  owned: places(owned),
  ...changes,
})

const TOPICS: Readonly<Record<string, readonly number[]>> = { a: [0, 1, 2, 3, 4, 5], b: [0, 1], c: [0] }

const dealt = (candidates: readonly Candidate[], ...topics: readonly string[]) =>
  Object.fromEntries(
    [...deal(candidates, new Map(topics.map(topic => [topic, TOPICS[topic] ?? []])))].map(([memberId, held]) => [
      memberId,
      held.map(laneName).join(' '),
    ]),
  )

const cases: readonly (readonly [
  what: string,
  candidates: readonly Candidate[],
  topics: readonly string[],
  expected: Readonly<Record<string, string>>,
])[] = [
  ['a single member gets all', [member('x')], ['a'], { x: 'a/0 a/1 a/2 a/3 a/4 a/5' }],
  ['new members share evenly', [member('x'), member('y')], ['a'], { x: 'a/0 a/1 a/2', y: 'a/3 a/4 a/5' }],
  [
    'who has its share keeps it, whatever the order of ids',
    [member('x', 'a/1 a/3 a/5'), member('y', 'a/0 a/2 a/4')],
    ['a'],
    { x: 'a/1 a/3 a/5', y: 'a/0 a/2 a/4' },
  ],
  [
    'a member that joins gets what is more than the share of the others, and nothing else moves',
    [member('new'), member('x', 'a/0 a/1 a/2'), member('y', 'a/3 a/4 a/5')],
    ['a'],
    { new: 'a/2 a/5', x: 'a/0 a/1', y: 'a/3 a/4' },
  ],
  [
    'what a member had that has left is spread, and nothing else moves',
    [member('x', 'a/0 a/1'), member('y', 'a/4 a/5')],
    ['a'],
    { x: 'a/0 a/1 a/2', y: 'a/4 a/5 a/3' },
  ],
  [
    'who had one more keeps one more',
    [member('w'), member('x', 'a/0'), member('y', 'a/1 a/2'), member('z', 'a/3 a/4')],
    ['a'],
    { w: 'a/5', x: 'a/0', y: 'a/1 a/2', z: 'a/3 a/4' },
  ],
  [
    'each topic is shared by itself; one more goes to who has fewest so far',
    [member('x'), member('y')],
    ['a', 'b', 'c'],
    { x: 'a/0 a/1 a/2 b/0 c/0', y: 'a/3 a/4 a/5 b/1' },
  ],
  [
    'of two that say a partition is theirs, the later generation has it',
    [member('x', 'b/0 b/1', { generationId: 3 }), member('y', 'b/0 b/1', { generationId: 4 })],
    ['b'],
    { x: 'b/1', y: 'b/0' },
  ],
  [
    'a topic goes only to members that read it',
    [member('x', '', { topics: new Set(['a']) }), member('y', '', { topics: new Set(['b']) })],
    ['a', 'b', 'c'],
    { x: 'a/0 a/1 a/2 a/3 a/4 a/5', y: 'b/0 b/1' },
  ],
  ['partitions that are gone are nobody’s', [member('x', 'a/9'), member('y')], ['b'], { x: 'b/0', y: 'b/1' }],
  ['more members than partitions', [member('x'), member('y', 'c/0')], ['c'], { x: '', y: 'c/0' }],
]

for (const [what, candidates, topics, expected] of cases)
  test(what, () => assert.deepEqual(dealt(candidates, ...topics), expected))

test('the same members get the same again, and all of it, for any number of members and partitions', () => {
  for (let members = 1; members <= 7; members += 1)
    for (let partitions = 0; partitions <= 20; partitions += 1) {
      const topics = new Map([
        ['a', Array.from({ length: partitions }, (_, partition) => partition)],
        ['b', Array.from({ length: (partitions * 3) % 8 }, (_, partition) => partition)],
      ])
      const fresh = Array.from({ length: members }, (_, index) => member(`m${index}`))
      const first = deal(fresh, topics)
      const counts = [...first.values()].map(held => held.filter(({ topic }) => topic === 'a').length)
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1)
      assert.equal(
        new Set([...first.values()].flat().map(laneName)).size,
        [...topics.values()].flat().length,
        'each partition is dealt once',
      )
      const again = fresh.map(each => ({ ...each, owned: first.get(each.memberId) ?? [] }))
      assert.deepEqual(deal(again.toReversed(), topics), first)
    }
})

const metadata: TopicMetadata = {
  addMultipleTargetTopics: async () => {},
  findTopicPartitionMetadata: topic => (TOPICS[topic] ?? []).map(partitionId => ({ partitionId })),
}

test('what members say they have travels through the request to join', async () => {
  const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol
  const holding = { generationId: 4, owned: places('b/1') }
  const assigner = stickyAssigner(metadata, () => holding, silentLog)
  const stranger = MemberMetadata.encode({ version: 0, topics: ['b'], userData: Buffer.from('{"v":1,"held":[{}]}') })
  const assignments = await assigner.assign({
    members: [
      { memberId: 'x', memberMetadata: stranger },
      { memberId: 'y', memberMetadata: assigner.protocol({ topics: ['b'] }).metadata },
    ],
    topics: ['b'],
  })
  assert.deepEqual(
    assignments.map(({ memberId, memberAssignment }) => [
      memberId,
      { ...MemberAssignment.decode(memberAssignment)?.assignment },
    ]),
    [
      ['x', { b: [0] }],
      ['y', { b: [1] }],
    ],
  )
})
