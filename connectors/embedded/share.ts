/** How the partitions of a stream are shared among the members of a group; pure, and the same from every side. */

export interface Held {
  readonly partition: number
  readonly member: number | null
  /** Nothing of it is in flight. */
  readonly idle: boolean
}

export interface SharePlan {
  /** Ours to let go at once. */
  readonly free: readonly number[]
  /** Ours to let go as soon as nothing of it is in flight. */
  readonly leave: readonly number[]
  readonly take: readonly number[]
}

/** Everybody gets the same number, and the members that joined first one more where it does not come out even. */
export const fairShare = (members: readonly number[], me: number, partitions: number): number => {
  const rank = members.indexOf(me)
  if (rank < 0) return 0
  return Math.floor(partitions / members.length) + (rank < partitions % members.length ? 1 : 0)
}

/**
 * What a member does about its share. Of what it has too many it prefers to give what is idle, so that nothing comes
 * twice; `overdue` partitions were asked to leave long ago and go although they are not idle.
 */
export const planShare = (
  held: readonly Held[],
  members: readonly number[],
  me: number,
  overdue: ReadonlySet<number>,
): SharePlan => {
  const mine = held.filter(each => each.member === me)
  const excess = mine.length - fairShare(members, me, held.length)
  if (excess <= 0) {
    const unowned = held.filter(each => each.member === null).slice(0, -excess)
    return { free: [], leave: [], take: unowned.map(each => each.partition) }
  }
  const going = [...mine].sort((a, b) => Number(b.idle) - Number(a.idle) || b.partition - a.partition).slice(0, excess)
  const ready = going.filter(each => each.idle || overdue.has(each.partition))
  const rest = going.filter(each => !ready.includes(each))
  return { free: ready.map(each => each.partition), leave: rest.map(each => each.partition), take: [] }
}
