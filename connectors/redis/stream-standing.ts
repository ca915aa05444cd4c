/** How far a group has come in its stream, and what it will never come to because it was removed. */
import { compareIds, groupOf, idBefore, infoOf, type StreamPart } from './stream-group.ts'
import { OLDEST } from './stream-scripts.ts'

/** Where a group is made anew that has vanished. */
export interface Position {
  /** All up to this entry was settled, or waits beside the stream, when Redis was last asked; undefined before that. */
  settledId: string | undefined
}

export interface Standing {
  /** The last entry that was delivered to the group. */
  readonly reachedId: string
  /** The first entry there is, and the last there ever was; `0-0` for none. */
  readonly firstId: string
  readonly lastId: string
  readonly length: number
  /** How many were ever added, and how many of them the group has read; undefined where Redis does not know. */
  readonly added: number | undefined
  readonly read: number | undefined
  /** What Redis takes for unread. */
  readonly lag: number | undefined
  readonly pending: number
}

/** Undefined when there is no such stream or group. Rejects when Redis cannot be asked. */
export const standingOf = async (part: StreamPart): Promise<Standing | undefined> => {
  const all = await infoOf(part)
  if (!all) return undefined
  const ours = await groupOf(part)
  if (!ours) return undefined
  const [first] = (all['first-entry'] ?? []) as readonly unknown[]
  return {
    reachedId: String(ours['last-delivered-id']),
    firstId: first === undefined ? '0-0' : String(first),
    lastId: String(all['last-generated-id']),
    length: Number(all.length),
    added: numberOf(all['entries-added']),
    read: numberOf(ours['entries-read']),
    lag: numberOf(ours.lag),
    pending: Number(ours.pending),
  }
}

/** For {@link Position}. What readers take after the standing was asked for comes behind its `reachedId`. */
export const settledIdOf = async (part: StreamPart, { reachedId }: Standing): Promise<string> => {
  const oldest = await part.commands.run(OLDEST, [part.keys.stream], [part.group])
  return oldest === null ? reachedId : idBefore(String(oldest))
}

const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)

/** What the group has not acknowledged. Where Redis cannot tell what is unread, after a deletion, all there is counts as it. */
export const lagOf = (standing: Standing): number => standing.pending + unread(standing)

/** Redis goes on counting what was trimmed away unread, also once the group is past it (seen: 7.0.15). */
const unread = (standing: Standing): number => {
  const { reachedId, lastId, length, lag = length } = standing
  if (compareIds(reachedId, lastId) >= 0) return 0
  return isAhead(standing) ? length : Math.min(lag, length)
}

/** Everything there is comes after what was delivered. */
const isAhead = ({ firstId, lastId, reachedId, length }: Standing): boolean =>
  compareIds(length === 0 ? lastId : firstId, reachedId) > 0

/**
 * How many entries were removed, as by trimming, before the group came to them: more than `known`, where Redis can tell,
 * else 0. Redis counts those of all times, so what was told before is subtracted. `max-deleted-entry-id` says nothing
 * of trimming (seen: 7.0.15).
 */
export const removedUnread = (standing: Standing, known: number): number => {
  const { added, read, length } = standing
  if (added === undefined || read === undefined || !isAhead(standing)) return 0
  return Math.max(0, added - length - read - known)
}

/**
 * What is known after a look, for the next one. At the end nothing is unread: what Redis still counts as such was removed,
 * or Redis has lost count, as it does over restarts (seen: 7.0.15).
 */
export const knownRemoved = (standing: Standing, known: number): number => {
  const { added, read, reachedId, lastId } = standing
  if (added !== undefined && read !== undefined && compareIds(reachedId, lastId) >= 0) return Math.max(0, added - read)
  return known + removedUnread(standing, known)
}
