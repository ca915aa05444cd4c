/** Tells the broker how far the lanes have come: one commit at a time, each with all there is to tell. */

import { isFenced, isNamed } from './failure.ts'
import type { Group, Member } from './group.ts'
import { commitOf, confirm, type Lane, type LaneCommit } from './lane.ts'
import { byTopic } from './place.ts'

export interface Committer {
  /**
   * Resolves once the broker has confirmed all that is known now of lanes that are still ours; rejects when it did not
   * take it. Calls during a commit share the next one.
   */
  flush(): Promise<void>
}

export interface CommitterOptions {
  readonly groupId: string
  readonly group: () => Group
  /** Who commits: the generation in which the lanes are ours. The broker refuses one that is over. */
  readonly member: () => Member | undefined
  readonly lanes: () => Iterable<Lane>
  /** Resolves when commits may be sent: not between a join and the assignment it leads to. */
  readonly open: () => Promise<void>
}

export const createCommitter = (options: CommitterOptions): Committer => {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined

  const run = async (): Promise<void> => {
    await options.open()
    const member = options.member()
    const commits = [...options.lanes()].flatMap(lane => commitOf(lane) ?? [])
    if (commits.length === 0 || !member) return
    await send(options, member, commits)
    for (const commit of commits) confirm(commit)
  }
  const flush = (): Promise<void> => {
    if (!running) {
      running = run().finally(() => {
        running = undefined
      })
      return running
    }
    next ??= running
      .catch(() => {
        // Whoever waited for that commit was told.
      })
      .then(() => {
        next = undefined
        return flush()
      })
    return next
  }
  return { flush }
}

const send = async (options: CommitterOptions, member: Member, commits: readonly LaneCommit[]): Promise<void> => {
  const request = {
    groupId: options.groupId,
    memberId: member.memberId,
    groupGenerationId: member.generationId,
    topics: byTopic(
      commits.map(({ lane: { topic, partition }, offset, metadata }) => ({ topic, partition, offset, metadata })),
      ({ partition, offset, metadata }) => ({ partition, offset: String(offset), metadata }),
    ),
  }
  const group = options.group()
  try {
    await (await group.coordinator()).offsetCommit(request)
  } catch (error) {
    if (isFenced(error) || isNamed(error, 'REBALANCE_IN_PROGRESS')) throw error
    // The connection may be gone or the coordinator another one; the generation still guards the second try.
    group.forgetCoordinator()
    await (await group.coordinator()).offsetCommit(request)
  }
}
