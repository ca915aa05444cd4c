/**
 * The life of one kafkajs consumer: from joining the group to leaving it or failing. kafkajs pushes into the lanes, `take`
 * pulls out of them. When it has failed it stays failed: the source then makes another.
 */
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs'
import type { Clock } from '../../core/clock.ts'
import type { Delivery, PollRequest } from '../../core/contract.ts'
import { errorInfo, MillraceError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Reader } from './assignment.ts'
import { CONSUMER_RETRY } from './client.ts'
import { type Committer, createCommitter } from './commit.ts'
import { kafkaError } from './failure.ts'
import { type GroupHooks, type GroupSeam, openSeam, seamGone } from './group.ts'
import { type Intake, intakeFor, takeBatch } from './intake.ts'
import { claim, type Lane, receive } from './lane.ts'
import {
  drainOwned,
  endOwnership,
  noOwner,
  noteChange,
  type Owned,
  type OwnershipTools,
  ownershipHooks,
} from './ownership.ts'
import { laneName } from './place.ts'
import { offsetOf } from './record.ts'
import { silenceLimitMs, startWatchdog, type Watchdog } from './watchdog.ts'

export interface SessionTools {
  readonly clock: Clock
  readonly log: Log
  readonly kafka: Kafka
  readonly address: string
  readonly reader: Reader
  readonly timing: Timing
  /** Called when there may be more to take, or it failed. */
  readonly onChange: () => void
  /** Called when no broker has answered for so long that it is given up; it has failed then. */
  readonly onSilent: (silentMs: number) => void
}

/** Milliseconds, and bytes of one fetch of one partition. */
export interface Timing {
  readonly sessionMs: number
  readonly rebalanceMs: number
  /** How long a rebalance waits for what runs. */
  readonly drainMs: number
  readonly fetchBytes: number
  /** How old the client's knowledge of topics and partitions may be. */
  readonly refreshMs: number
}

export interface Session {
  /** By their names. */
  readonly lanes: ReadonlyMap<string, Lane>
  readonly committer: Committer
  /** Resolves when it first is a member of the group, or has failed. */
  readonly joined: Promise<void>
  /** Why it ended, once it has. */
  failure(): MillraceError | undefined
  /** Hands out what is there, at once. */
  take(request: PollRequest): readonly Delivery[]
  /** Milliseconds since the epoch at which the first deferred record is due that `take` would then hand out. */
  nextDueAt(request: PollRequest): number | undefined
  /** Claims were settled: makes room, and may end a drain. */
  settled(): void
  /** Hands out nothing more, and resolves when what runs is settled and committed, or the time for that is over. */
  drain(): Promise<void>
  /** Commits what was settled and leaves the group; what was claimed is lost. */
  close(): Promise<void>
}

/** How long a fetch waits where there is nothing; also how late a partition that is resumed may be noticed. */
const FETCH_WAIT_MS = 100
const HEARTBEAT_MS = 1_000
/** All of a close together stays below what the core waits for it. */
const CLOSE_COMMIT_MS = 3_000
const CLOSE_LEAVE_MS = 4_000
const CLOSE_DISCONNECT_MS = 2_000

interface State {
  readonly owned: Owned
  readonly intake: Intake
  readonly joined: PromiseWithResolvers<void>
  failure: MillraceError | undefined
  /** The lane to begin with, so that all come first in turn. */
  turn: number
  readonly watchdog: Watchdog
}

export const openSession = (tools: SessionTools): Session => {
  const { reader, timing } = tools
  const owned = noOwner()
  const state: State = {
    owned,
    intake: intakeFor(tools.address, timing.fetchBytes, reader.retryTopics),
    joined: Promise.withResolvers(),
    failure: undefined,
    turn: 0,
    watchdog: startWatchdog({
      clock: tools.clock,
      limitMs: () => silenceLimitMs({ ...timing, phase: owned.phase }),
      onSilent: silentMs => giveUp(tools, state, silentMs),
    }),
  }
  const committer = createCommitter({
    groupId: reader.groupId,
    group: () => seam.group(),
    member: () => owned.member,
    lanes: () => owned.lanes.values(),
    open: () => (owned.phase === 'joining' ? owned.settledPhase.promise : Promise.resolve()),
  })
  const ownership: OwnershipTools = {
    ...tools,
    drainMs: timing.drainMs,
    heartbeatMs: heartbeatMs(timing),
    group: () => seam.group(),
    committer: () => committer,
  }
  const hooks: GroupHooks = {
    ...ownershipHooks(owned, ownership),
    // kafkajs would go on as soon as there is one of that name, and nothing may be committed to it for the one that was.
    topicGone: error => fail(tools, state, error),
  }
  const seam = openSeam(reader.groupId, [...reader.topics.keys()], hooks, tools.log)
  const consumer = createConsumer(tools, seam)
  watch(tools, state, consumer)
  void run(tools, state, consumer)
  return {
    lanes: owned.lanes,
    committer,
    joined: state.joined.promise,
    failure: () => state.failure,
    take: request => take(tools, state, consumer, request),
    nextDueAt: ({ skipLanes }) => nextDueAt(wanted(owned, skipLanes)),
    settled: () => noteChange(owned),
    drain: () => drainOwned(owned, ownership),
    close: () => close(tools, state, consumer, seam, committer),
  }
}

const heartbeatMs = ({ sessionMs }: Timing): number => Math.min(HEARTBEAT_MS, Math.floor(sessionMs / 5))

const createConsumer = ({ kafka, reader, timing }: SessionTools, seam: GroupSeam): Consumer => {
  const consumer = kafka.consumer({
    groupId: reader.groupId,
    partitionAssigners: seam.assigners,
    sessionTimeout: timing.sessionMs,
    rebalanceTimeout: timing.rebalanceMs,
    heartbeatInterval: heartbeatMs(timing),
    maxBytesPerPartition: timing.fetchBytes,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    metadataMaxAge: timing.refreshMs,
    allowAutoTopicCreation: false,
    retry: CONSUMER_RETRY,
  })
  seam.group()
  return consumer
}

const watch = (tools: SessionTools, state: State, consumer: Consumer): void => {
  const { owned } = state
  consumer.on(consumer.events.GROUP_JOIN, () => {
    if (owned.phase === 'over') return
    if (owned.phase !== 'running') return fail(tools, state, seamGone('it joined a group without saying so'))
    for (const lane of owned.lanes.values()) steer(consumer, lane)
    state.joined.resolve()
    tools.onChange()
  })
  consumer.on(consumer.events.REQUEST, state.watchdog.alive)
  consumer.on(consumer.events.CRASH, ({ payload: { error } }) => fail(tools, state, error))
  // Fetches that hold no records, only the ends of transactions: kafkajs moves on without a word to eachBatch.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { topic, partition, batchSize, lastOffset } }) => {
    const lane = owned.lanes.get(laneName({ topic, partition }))
    if (lane && batchSize === 0) receive(lane, [], offsetOf(lastOffset) + 1)
  })
}

/** A new assignment makes the client forget where it was, but not what it had paused. */
const steer = (consumer: Consumer, lane: Lane): void => {
  const { topic, partition } = lane
  consumer.seek({ topic, partition, offset: String(lane.tracker.next) })
  if (lane.paused === 'no') consumer.resume([{ topic, partitions: [partition] }])
}

const run = async (tools: SessionTools, state: State, consumer: Consumer): Promise<void> => {
  try {
    await consumer.connect()
    // Only what has no position is reset by kafkajs itself, and that never to the end.
    await consumer.subscribe({ topics: [...tools.reader.topics.keys()], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async payload => onBatch(tools, state, consumer, payload),
    })
  } catch (error) {
    fail(tools, state, error)
  }
}

/** Whatever escaped from here would end the consumer, mostly for good: it fails in a way of its own instead. */
const onBatch = (tools: SessionTools, state: State, consumer: Consumer, payload: EachBatchPayload): void => {
  try {
    const lane = state.owned.lanes.get(laneName(payload.batch))
    if (!lane) return
    const { topic, partition } = lane
    const next = takeBatch(state.intake, lane, payload)
    if (next === 'pause') {
      lane.paused = 'full'
      consumer.pause([{ topic, partitions: [partition] }])
    } else if (next !== 'go on') consumer.seek({ topic, partition, offset: String(next.seek) })
    tools.onChange()
  } catch (error) {
    fail(tools, state, error)
  }
}

const wanted = ({ lanes }: Owned, skipLanes: ReadonlySet<string>): readonly Lane[] =>
  [...lanes.values()].filter(lane => lane.mailbox.length > 0 && !skipLanes.has(lane.name))

const nextDueAt = (lanes: readonly Lane[]): number | undefined => {
  const due = lanes.flatMap(({ mailbox }) => mailbox[0]?.deferred?.dueAt ?? [])
  return due.length > 0 ? Math.min(...due) : undefined
}

const take = (tools: SessionTools, state: State, consumer: Consumer, request: PollRequest): readonly Delivery[] => {
  const { owned, intake } = state
  if (owned.phase !== 'running') return []
  const lanes = wanted(owned, request.skipLanes)
  const first = lanes.length === 0 ? 0 : state.turn++ % lanes.length
  const deliveries: Delivery[] = []
  let [max, maxBytes] = [request.max, request.maxBytes]
  for (const lane of [...lanes.slice(first), ...lanes.slice(0, first)]) {
    if (max <= 0 || maxBytes <= 0) break
    const taken = claim(lane, { max, maxBytes, maxPerLane: request.maxPerLane }, tools.clock.now())
    deliveries.push(...taken)
    max -= taken.length
    maxBytes -= taken.reduce((sum, { record }) => sum + (record.body?.length ?? 0), 0)
    if (lane.paused === 'full' && lane.mailboxBytes <= intake.resumeBytes) {
      lane.paused = 'no'
      consumer.resume([{ topic: lane.topic, partitions: [lane.partition] }])
    }
  }
  return deliveries
}

const giveUp = (tools: SessionTools, state: State, silentMs: number): void => {
  tools.onSilent(silentMs)
  fail(tools, state, new MillraceError('SOURCE_FAILED', `reading ${tools.address}: no answer for ${silentMs} ms`))
}

const fail = (tools: SessionTools, state: State, thrown: unknown): void => {
  if (state.failure || state.owned.phase === 'over') return
  state.watchdog.stop()
  state.failure = kafkaError('SOURCE_FAILED', `reading ${tools.address}`, thrown)
  endOwnership(state.owned)
  state.joined.resolve()
  tools.onChange()
}

/** Once the consumer is stopped, commits are dropped without a word: they come first. */
const close = async (
  tools: SessionTools,
  { owned, joined, watchdog }: State,
  consumer: Consumer,
  seam: GroupSeam,
  committer: Committer,
): Promise<void> => {
  watchdog.stop()
  if (owned.phase === 'running' || owned.phase === 'draining')
    await atMost(tools, CLOSE_COMMIT_MS, 'committing before the close', committer.flush())
  endOwnership(owned)
  joined.resolve()
  // kafkajs waits without limit.
  await atMost(tools, CLOSE_LEAVE_MS, 'leaving the group', consumer.disconnect())
  await atMost(tools, CLOSE_DISCONNECT_MS, 'disconnecting', seam.group().close())
}

const atMost = ({ clock, log }: SessionTools, ms: number, what: string, work: Promise<unknown>): Promise<void> =>
  new Promise(resolve => {
    const cancel = clock.after(ms, () => {
      log.warn(`${what} took longer than ${ms} ms and was left`)
      resolve()
    })
    work
      .catch(error => log.warn(`${what} failed; records may come again`, { error: errorInfo(error) }))
      .finally(() => {
        cancel()
        resolve()
      })
  })
