/**
 * Our assigner. Members say what they have when they join, and whoever leads the group deals with that in mind. In a group
 * with a member that does not know it (another client, an older version) the brokers choose the round robin that
 * kafkajs has, which all of them are to offer beside it.
 */
import kafkajs, { type Assigner, type GroupMember } from 'kafkajs'
import { errorInfo } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { type Candidate, deal } from './deal.ts'
import { byTopic, type TopicPartition } from './place.ts'

const { MemberMetadata, MemberAssignment } = kafkajs.AssignerProtocol

/** kafkajs's cluster, as far as an assigner uses it. */
export interface TopicMetadata {
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[]
}

/** What a member has, and since which generation. */
export interface Holding {
  readonly generationId: number
  readonly owned: readonly TopicPartition[]
}

const NAME = 'MillraceStickyAssigner'
const VERSION = 1

export const stickyAssigner = (metadata: TopicMetadata, holding: () => Holding, log: Log): Assigner => ({
  name: NAME,
  version: VERSION,
  protocol({ topics }) {
    const { generationId, owned } = holding()
    const held = byTopic(owned, ({ partition }) => partition)
    const userData = Buffer.from(JSON.stringify({ v: VERSION, generationId, held }))
    return { name: NAME, metadata: MemberMetadata.encode({ version: VERSION, topics, userData }) }
  },
  async assign({ members, topics }) {
    const candidates = members.map(candidateOf)
    const wanted = [...new Set([...topics, ...candidates.flatMap(candidate => [...candidate.topics])])]
    await learn(metadata, wanted, log)
    const partitions = new Map(
      wanted.map(topic => [topic, metadata.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)]),
    )
    return [...deal(candidates, partitions)].map(([memberId, places]) => {
      const dealt = byTopic(places, ({ partition }) => partition)
      const assignment = Object.fromEntries(dealt.map(({ topic, partitions: of }) => [topic, of]))
      const userData = Buffer.alloc(0)
      return { memberId, memberAssignment: MemberAssignment.encode({ version: VERSION, assignment, userData }) }
    })
  },
})

/** During a deploy members may read topics that the leader does not; one of them that is gone must not end the join. */
const learn = async (metadata: TopicMetadata, topics: readonly string[], log: Log): Promise<void> => {
  try {
    await metadata.addMultipleTargetTopics(topics)
  } catch (error) {
    log.info('not all topics of the group are known here; those are dealt out by a later leader', {
      error: errorInfo(error),
    })
  }
}

const candidateOf = ({ memberId, memberMetadata }: GroupMember): Candidate => {
  const { topics = [], userData } = MemberMetadata.decode(memberMetadata) ?? {}
  return { memberId, topics: new Set(topics), ...holdingIn(userData) }
}

interface Held {
  readonly topic: string
  readonly partitions: readonly number[]
}

interface Written {
  readonly v: number
  readonly generationId: number
  readonly held: readonly Held[]
}

/** What cannot be read counts as nothing: the member is then dealt to like a new one. */
const holdingIn = (userData: Buffer | undefined): Holding => {
  const written = parse(userData?.toString() ?? '')
  if (written?.v !== VERSION || !Array.isArray(written.held)) return { generationId: -1, owned: [] }
  const owned = written.held.flatMap(({ topic, partitions }: Held): readonly TopicPartition[] =>
    Array.isArray(partitions) ? partitions.map(partition => ({ topic, partition })) : [],
  )
  return { generationId: written.generationId, owned }
}

const parse = (text: string): Written | undefined => {
  try {
    return JSON.parse(text) as Written
  } catch {
    return undefined
  }
}
