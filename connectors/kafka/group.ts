/**
 * The seam into kafkajs's consumer group. kafkajs has no hook before a rebalance, and commits of its own carry whatever
 * generation is the newest, so that a late one is taken for a partition that is somebody else's (kafkajs#1046). What an
 * assigner's factory is handed is the consumer's cluster: each join asks it for the group's coordinator, and gets ours.
 *
 *   rebalance ─▶ findGroupCoordinator ─▶ joinGroup ───▶ syncGroup ──────────▶ fetch
 *                                        │   │          │
 *                        beforeJoin ◀────┘   └▶ joined  └▶ assigned: positions are there before the first fetch
 *                  (drain and commit)
 */
import kafkajs, { type PartitionAssigner } from 'kafkajs'
import type { StartPosition } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { isNamed } from './failure.ts'
import { byTopic, laneName, type TopicPartition } from './place.ts'
import { type Holding, stickyAssigner, type TopicMetadata } from './sticky.ts'

/** This process as the group knows it; every rebalance makes another. */
export interface Member {
  readonly memberId: string
  readonly generationId: number
}

interface PartitionOffset {
  readonly partition: number
  readonly offset: string
  readonly metadata?: string | null
}

interface TopicOffsets {
  readonly topic: string
  readonly partitions: readonly PartitionOffset[]
}

interface InGroup {
  readonly groupId: string
  readonly memberId: string
}

/** kafkajs's broker connection, as far as it is used here. */
export interface Coordinator {
  joinGroup(request: InGroup): Promise<Member>
  syncGroup(request: InGroup & { readonly generationId: number }): Promise<{ readonly memberAssignment: Buffer }>
  leaveGroup(request: InGroup): Promise<unknown>
  heartbeat(request: InGroup & { readonly groupGenerationId: number }): Promise<unknown>
  offsetCommit(
    request: InGroup & { readonly groupGenerationId: number; readonly topics: readonly TopicOffsets[] },
  ): Promise<unknown>
  offsetFetch(request: {
    readonly groupId: string
    readonly topics: readonly { readonly topic: string; readonly partitions: readonly { partition: number }[] }[]
  }): Promise<{ readonly responses: readonly TopicOffsets[] }>
}

interface OffsetQuestion {
  readonly topic: string
  readonly partitions: readonly { readonly partition: number }[]
  readonly fromBeginning?: boolean
  readonly fromTimestamp?: number
}

/** kafkajs's cluster, as far as it is used here. */
interface Cluster extends TopicMetadata {
  findGroupCoordinator(request: { readonly groupId: string }): Promise<Coordinator>
  fetchTopicsOffset(questions: readonly OffsetQuestion[]): Promise<readonly TopicOffsets[]>
  refreshMetadata(): Promise<void>
  getNodeIds(): readonly string[]
  findBroker(node: { readonly nodeId: string }): Promise<{
    findGroupCoordinator(group: { readonly groupId: string; readonly coordinatorType: number }): Promise<unknown>
  }>
  disconnect(): Promise<void>
}

export interface GroupHooks {
  /** What is ours when a join is sent. */
  holding(): Holding
  /** A join is about to be sent, by the member it was or a new one (`''`); it waits for this. */
  beforeJoin(memberId: string): Promise<void>
  joined(member: Member): void
  /** Which partitions of the topics are ours from now on; nothing is fetched before this has resolved. */
  assigned(member: Member, places: readonly TopicPartition[]): Promise<void>
  /** A topic that is read is not there any more. */
  topicGone(error: unknown): void
  /** The client's position had vanished, and it resumes at this offset. */
  reset(place: TopicPartition, offset: string): void
}

/** What we ask of the group beside what kafkajs does. */
export interface Group {
  /** The coordinator, found anew after `forgetCoordinator`. */
  coordinator(): Promise<Coordinator>
  forgetCoordinator(): void
  /** By lane, the offset at the beginning, the end, or a time in milliseconds; -1: no record so late. */
  offsets(places: readonly TopicPartition[], at: StartPosition): Promise<ReadonlyMap<string, string>>
  /** Asks nothing more, and lets nobody join: a question under way when its consumer ended would connect again. */
  close(): Promise<void>
}

const COORDINATOR_METHODS = [
  'joinGroup',
  'syncGroup',
  'leaveGroup',
  'heartbeat',
  'offsetCommit',
  'offsetFetch',
] as const
const CLUSTER_METHODS = [
  'findGroupCoordinator',
  'fetchTopicsOffset',
  'refreshMetadata',
  'getNodeIds',
  'findBroker',
  'disconnect',
  'addMultipleTargetTopics',
  'findTopicPartitionMetadata',
] as const

export interface GroupSeam {
  /** Given to the consumer, the wanted one first; it asks for them while it is made. */
  readonly assigners: PartitionAssigner[]
  /** Throws where kafkajs is not as this seam needs it. */
  group(): Group
}

export const openSeam = (groupId: string, topics: readonly string[], hooks: GroupHooks, log: Log): GroupSeam => {
  let group: Group | undefined
  const sticky: PartitionAssigner = config => {
    const { cluster } = config as unknown as { readonly cluster: Cluster }
    group = watchCluster(cluster, groupId, topics, hooks)
    return stickyAssigner(cluster, hooks.holding, log)
  }
  return {
    assigners: [sticky, kafkajs.PartitionAssigners.roundRobin],
    group() {
      if (group) return group
      throw seamGone('an assigner is not asked for when a consumer is made')
    },
  }
}

const watchCluster = (cluster: Cluster, groupId: string, topics: readonly string[], hooks: GroupHooks): Group => {
  needs(cluster, CLUSTER_METHODS, 'its cluster')
  const finding = cluster.findGroupCoordinator.bind(cluster)
  const ask = cluster.fetchTopicsOffset.bind(cluster)
  let known: Promise<Coordinator> | undefined
  let closed: Promise<void> | undefined
  const joins: Joins = { running: undefined }

  const find = async (): Promise<Coordinator> => {
    if (closed) throw over()
    const found = await finding({ groupId }).catch(error => sayWhyNot(cluster, groupId, error))
    if (!closed) return found
    await cluster.disconnect()
    throw over()
  }
  cluster.findGroupCoordinator = async () => {
    known = find()
    const found = await known
    needs(found, COORDINATOR_METHODS, 'its coordinator')
    return watchCoordinator(found, topics, hooks, joins)
  }
  const refresh = cluster.refreshMetadata.bind(cluster)
  cluster.refreshMetadata = async () => {
    try {
      await refresh()
    } catch (error) {
      if (isNamed(error, 'UNKNOWN_TOPIC_OR_PARTITION')) hooks.topicGone(error)
      throw error
    }
  }
  // kafkajs asks for offsets only where a partition has none it could read on from: positions are committed before.
  cluster.fetchTopicsOffset = async questions => {
    const answers = await ask(questions)
    for (const { topic, partitions } of answers)
      for (const { partition, offset } of partitions) hooks.reset({ topic, partition }, offset)
    return answers
  }
  return {
    coordinator() {
      known ??= find()
      known.catch(() => {
        known = undefined
      })
      return known
    },
    forgetCoordinator() {
      known = undefined
    },
    async offsets(places, at) {
      const from = typeof at === 'number' ? { fromTimestamp: at } : { fromBeginning: at === 'earliest' }
      const questions = byTopic(places, ({ partition }) => ({ partition })).map(asked => ({ ...asked, ...from }))
      const answers = await ask(questions)
      return new Map(
        answers.flatMap(({ topic, partitions }) =>
          partitions.map(({ partition, offset }) => [laneName({ topic, partition }), offset]),
        ),
      )
    },
    close() {
      closed ??= cluster.disconnect()
      return closed
    },
  }
}

/** Asked of all brokers, kafkajs swallows what each of them answered: that the group is not for this user, above all. */
const sayWhyNot = async (cluster: Cluster, groupId: string, error: unknown): Promise<never> => {
  const [nodeId] = cluster.getNodeIds()
  if (isNamed(error, 'KafkaJSGroupCoordinatorNotFound') && nodeId !== undefined) {
    const broker = await cluster.findBroker({ nodeId })
    await broker.findGroupCoordinator({ groupId, coordinatorType: GROUP })
  }
  throw error
}

/** Kafka's number for the coordinators of groups. */
const GROUP = 0

/** kafkajs tries seven times whatever does not say that this is in vain. */
export const over = (): MillraceError =>
  Object.assign(new MillraceError('APP_STATE', 'this reader has left its group'), { retriable: false })

/** Each broker's fetch loop joins anew when leaders have moved: those that do so at once do it once. */
interface Joins {
  running: Promise<Member> | undefined
}

/** The coordinator with our hooks around joining; all else is its own. */
const watchCoordinator = (
  coordinator: Coordinator,
  topics: readonly string[],
  hooks: GroupHooks,
  joins: Joins,
): Coordinator => {
  const join: Coordinator['joinGroup'] = async request => {
    await hooks.beforeJoin(request.memberId)
    const answer = await coordinator.joinGroup(request).catch(rethrowLoading)
    hooks.joined({ memberId: answer.memberId, generationId: answer.generationId })
    return answer
  }
  const joinGroup: Coordinator['joinGroup'] = request => {
    joins.running ??= join(request).finally(() => {
      joins.running = undefined
    })
    return joins.running
  }
  const syncGroup: Coordinator['syncGroup'] = async request => {
    const answer = await coordinator.syncGroup(request)
    const { memberId, generationId } = request
    try {
      await hooks.assigned({ memberId, generationId }, placesIn(answer.memberAssignment, topics))
    } catch (error) {
      // kafkajs does not leave a group that it had not joined to the end: the next member would wait for this one's session.
      if (isHopeless(error)) await coordinator.leaveGroup({ groupId: request.groupId, memberId }).catch(() => {})
      throw error
    }
    return answer
  }
  const own: Partial<Coordinator> = { joinGroup, syncGroup }
  return new Proxy(coordinator, {
    get(target, name) {
      const replaced = own[name as keyof Coordinator]
      if (replaced) return replaced
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** A coordinator that is new reads its groups first. kafkajs gives up at that; a rebalance it tries again, with pauses. */
const rethrowLoading = (error: Error): never => {
  throw isNamed(error, 'GROUP_LOAD_IN_PROGRESS')
    ? Object.assign(new Error(error.message, { cause: error }), { type: 'REBALANCE_IN_PROGRESS' })
    : error
}

/** kafkajs does not try again what says so. */
const isHopeless = (error: unknown): boolean => (error as { readonly retriable?: unknown } | null)?.retriable === false

/** A leader of another version may deal out topics that this member did not ask for; kafkajs leaves them alone too. */
const placesIn = (assignment: Buffer, topics: readonly string[]): readonly TopicPartition[] => {
  const dealt = kafkajs.AssignerProtocol.MemberAssignment.decode(assignment)?.assignment ?? {}
  return topics.flatMap(topic => (dealt[topic] ?? []).map(partition => ({ topic, partition })))
}

const needs = (thing: unknown, methods: readonly string[], what: string): void => {
  const missing = methods.filter(name => typeof (thing as Record<string, unknown> | null)?.[name] !== 'function')
  if (missing.length > 0) throw seamGone(`${what} has no ${missing.join(', ')}`)
}

/** Without the seam a partition that was taken away could be committed: better not to start. */
export const seamGone = (what: string): MillraceError =>
  new MillraceError(
    'SOURCE_FATAL',
    `the installed kafkajs is not one this connector works with: ${what}; install kafkajs 2.2.4`,
    { fatal: true },
  )
