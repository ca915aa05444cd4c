/** Where the lanes of a new assignment begin. */
import type { StartPosition } from '../../core/contract.ts'
import type { Log } from '../../core/log.ts'
import type { Group } from './group.ts'
import { createLane, type Lane } from './lane.ts'
import { readMetadata } from './metadata.ts'
import { offsetOf } from './record.ts'

export interface Reader {
  readonly topic: string
  readonly groupId: string
  readonly start: StartPosition
}

/** What the broker knows of one partition. */
export interface Known {
  /** -1: the group was never here; another negative one: it had a position that vanished. */
  readonly committed: number
  readonly metadata: string | null
  readonly earliest: number
  /** Where a group without a position begins. */
  readonly start: number
}

export interface Beginning {
  readonly offset: number
  readonly why: 'committed' | 'start' | 'vanished'
}

/**
 * Promise 11: the start applies once; a position that has vanished resumes at the earliest, never at the end. One beyond
 * the end is left to the broker to refuse when it is fetched: just after a restart it may know too low an end.
 */
export const beginningOf = ({ committed, earliest, start }: Known): Beginning => {
  if (committed === -1) return { offset: start, why: 'start' }
  if (committed < earliest) return { offset: earliest, why: 'vanished' }
  return { offset: committed, why: 'committed' }
}

/** New lanes for these partitions. One whose beginning the broker does not know yet has it to be committed. */
export const openLanes = async (
  group: Group,
  reader: Reader,
  partitions: readonly number[],
  log: Log,
): Promise<readonly Lane[]> => {
  if (partitions.length === 0) return []
  const known = await askFor(group, reader, partitions)
  return partitions.flatMap(partition => {
    const facts = known.get(partition)
    return facts ? [laneAt(reader, partition, facts, log)] : []
  })
}

const laneAt = ({ topic }: Reader, partition: number, facts: Known, log: Log): Lane => {
  const { offset, why } = beginningOf(facts)
  const { finished, notes } = readMetadata(facts.metadata, offset)
  const lane = createLane(topic, partition, { committed: offset, finished, notes })
  if (why === 'committed') return lane
  lane.version += 1
  if (why === 'vanished') logGap(log, lane.name, facts.committed, offset)
  return lane
}

/** The records in between are gone at the broker, by retention or because the topic was made anew. */
export const logGap = (log: Log, lane: string, position: number, resumedAt: number): void =>
  log.warn(`the position ${position} of ${lane} does not exist any more; reading goes on at ${resumedAt}`, {
    lane,
    position,
    resumedAt,
    missing: Math.max(0, resumedAt - position),
  })

const askFor = async (
  group: Group,
  { topic, groupId, start }: Reader,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, Known>> => {
  const coordinator = await group.coordinator()
  const asked = { groupId, topics: [{ topic, partitions: partitions.map(partition => ({ partition })) }] }
  const { responses } = await coordinator.offsetFetch(asked)
  const earliest = await group.offsets(partitions, 'earliest')
  const latest = await group.offsets(partitions, 'latest')
  const timed = typeof start === 'number' ? await group.offsets(partitions, start) : undefined
  const known = new Map<number, Known>()
  for (const { partition, offset, metadata } of responses.flatMap(response => response.partitions)) {
    const [low, high] = [offsetOf(earliest.get(partition) ?? '0'), offsetOf(latest.get(partition) ?? '0')]
    const at = offsetOf(timed?.get(partition) ?? '-1')
    const begin = start === 'earliest' ? low : start === 'latest' || at < 0 ? high : at
    known.set(partition, {
      committed: offsetOf(offset),
      metadata: metadata ?? null,
      earliest: low,
      start: begin,
    })
  }
  return known
}
