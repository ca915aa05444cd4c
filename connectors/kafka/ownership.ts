/**
 * Which partitions are ours, and what happens between two assignments of a group.
 *
 *   running ──rebalance──▶ draining ──claims settled, or budget over──▶ joining ──assigned──▶ running
 *      claims, commits       commits, heartbeats, nothing new is         no commits
 *                            handed out
 */
import { type Clock, sleep } from '../../core/clock.ts'
import { errorInfo } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { afterBeginning, logGap, openLanes, type Reader, withoutPosition } from './assignment.ts'
import type { Committer } from './commit.ts'
import { isFenced } from './failure.ts'
import { type Group, type GroupHooks, type Member, over } from './group.ts'
import { createLane, endRecall, type Lane, loseLane, recallLane, receive } from './lane.ts'
import { laneName } from './place.ts'

export interface Owned {
  /** By their names. */
  readonly lanes: Map<string, Lane>
  phase: 'running' | 'draining' | 'joining' | 'over'
  /** Whether there was an assignment, which began where the reader begins. */
  begun: 'yes' | 'no'
  /** In whose name the lanes are ours. */
  member: Member | undefined
  /** Resolves when a rebalance has come to an assignment, or all is over. */
  settledPhase: PromiseWithResolvers<void>
  /** Resolves with the next change that a drain waits for. */
  changed: PromiseWithResolvers<void>
}

export const noOwner = (): Owned => ({
  lanes: new Map(),
  phase: 'joining',
  begun: 'no',
  member: undefined,
  settledPhase: Promise.withResolvers(),
  changed: Promise.withResolvers(),
})

export interface OwnershipTools {
  readonly clock: Clock
  readonly log: Log
  readonly reader: Reader
  readonly drainMs: number
  readonly heartbeatMs: number
  readonly group: () => Group
  readonly committer: () => Committer
}

export const ownershipHooks = (owned: Owned, tools: OwnershipTools): Omit<GroupHooks, 'topicGone'> => ({
  async beforeJoin(memberId) {
    if (owned.phase === 'running') {
      if (owned.member?.memberId === memberId) await drainOwned(owned, tools)
      else loseAll(owned)
    }
    // Whoever joins now would hold partitions that nobody reads.
    if (owned.phase === 'over') throw over()
    // A join that is tried again is the same rebalance: commits wait for its end.
    if (owned.phase === 'joining') return
    owned.phase = 'joining'
    owned.settledPhase = Promise.withResolvers()
  },
  holding: () => ({
    generationId: owned.member?.generationId ?? -1,
    owned: [...owned.lanes.values()].map(({ topic, partition }) => ({ topic, partition })),
  }),
  joined(member) {
    if (!isNext(owned.member, member)) loseAll(owned)
  },
  async assigned(member, places) {
    if (owned.phase === 'over') return
    const ours = new Set(places.map(laneName))
    for (const lane of [...owned.lanes.values()]) if (!ours.has(lane.name)) drop(owned, lane)
    for (const lane of await withoutPosition(tools.group(), tools.reader, [...owned.lanes.values()])) {
      // The broker forgets positions with their topic: this one was made anew, however many records it has by now.
      logGap(tools.log, lane.name, lane.committed, 0)
      drop(owned, lane)
    }
    const gained = places.filter(place => !owned.lanes.has(laneName(place)))
    const reader = owned.begun === 'yes' ? afterBeginning(tools.reader) : tools.reader
    const lanes = await openLanes(tools.group(), reader, gained, tools.log)
    for (const lane of lanes) owned.lanes.set(lane.name, lane)
    for (const lane of owned.lanes.values()) endRecall(lane)
    owned.member = member
    owned.phase = 'running'
    owned.settledPhase.resolve()
    // Where a group begins is fixed before its first record is fetched.
    await tools.committer().flush()
    owned.begun = 'yes'
  },
  reset(place, offset) {
    const lane = owned.lanes.get(laneName(place))
    if (lane) moveTo(owned, tools, lane, Number(offset))
  },
})

/** Nobody else can have had a partition between two generations that follow each other and were both ours. */
const isNext = (before: Member | undefined, after: Member): boolean =>
  before?.memberId === after.memberId && before.generationId + 1 === after.generationId

/** The client's position has vanished, and it reads on from `offset`. */
const moveTo = (owned: Owned, { log }: OwnershipTools, lane: Lane, offset: number): void => {
  const { next } = lane.tracker
  if (offset === next) return
  logGap(log, lane.name, next, offset)
  if (offset > next) {
    receive(lane, [], offset)
    return
  }
  // Offsets begin again, as after the topic was made anew: what was claimed under the same numbers is another record.
  drop(owned, lane)
  const again = createLane(lane, { committed: offset, finished: [], notes: new Map() })
  again.version += 1
  owned.lanes.set(lane.name, again)
}

/**
 * Nothing more is handed out, and what does not run is asked back; what runs may end and be committed while the group
 * waits. Heartbeats go on, since a
 * member that is silent for the session timeout is thrown out also while it is waited for.
 */
export const drainOwned = async (owned: Owned, tools: OwnershipTools): Promise<void> => {
  const { clock } = tools
  const { member } = owned
  if (owned.phase !== 'running' || !member) return
  const until = clock.monotonic() + tools.drainMs
  owned.phase = 'draining'
  for (const lane of owned.lanes.values()) recallLane(lane)
  while (owned.phase === 'draining' && hasClaims(owned)) {
    const leftMs = until - clock.monotonic()
    if (leftMs <= 0) break
    await Promise.race([owned.changed.promise, sleep(clock, Math.min(leftMs, tools.heartbeatMs))])
    if ((await beat(tools, member)) === 'fenced') return loseAll(owned)
  }
  await commitAtMost(tools, Math.max(MIN_COMMIT_MS, until - clock.monotonic()))
}

/** What was settled is to be committed even where the budget is used up. */
const MIN_COMMIT_MS = 2_000

const commitAtMost = async ({ clock, log, committer }: OwnershipTools, ms: number): Promise<void> => {
  const enough = new AbortController()
  const committed = committer()
    .flush()
    .catch(error =>
      log.info('not all could be committed before a rebalance; it may come again', { error: errorInfo(error) }),
    )
    .finally(() => enough.abort())
  await Promise.race([committed, sleep(clock, ms, enough.signal)])
}

const beat = async ({ group, reader, log }: OwnershipTools, member: Member): Promise<'ours' | 'fenced'> => {
  const { memberId, generationId: groupGenerationId } = member
  try {
    await (await group().coordinator()).heartbeat({ groupId: reader.groupId, memberId, groupGenerationId })
  } catch (error) {
    if (isFenced(error)) return 'fenced'
    // REBALANCE_IN_PROGRESS is the answer that is expected; the session goes on for it too.
    log.debug('heartbeat during a drain', { error: errorInfo(error) })
  }
  return 'ours'
}

const hasClaims = ({ lanes }: Owned): boolean => [...lanes.values()].some(lane => lane.claims.size > 0)

const drop = (owned: Owned, lane: Lane): void => {
  owned.lanes.delete(lane.name)
  loseLane(lane)
}

export const loseAll = (owned: Owned): void => {
  for (const lane of [...owned.lanes.values()]) drop(owned, lane)
}

/** No lane is ours any more, and none will be. */
export const endOwnership = (owned: Owned): void => {
  owned.phase = 'over'
  loseAll(owned)
  owned.settledPhase.resolve()
  noteChange(owned)
}

export const noteChange = (owned: Owned): void => {
  const { changed } = owned
  owned.changed = Promise.withResolvers()
  changed.resolve()
}
