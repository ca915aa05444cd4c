/** Where the lanes of a new assignment begin. */
import type { StartPosition } from '../../core/contract.ts'
import type { Log } from '../../core/log.ts'
import type { Group } from './group.ts'
import { createLane, type Lane } from './lane.ts'
import { readMetadata } from './metadata.ts'
import { byTopic, laneName, type TopicPartition } from './place.ts'
import { offsetOf } from './record.ts'

export interface Reader {
  readonly groupId: string
  /** The topics to read, and where the group begins in each of them. */
  readonly topics: ReadonlyMap<string, StartPosition>
  /** Those of the topics that hold deferred records. */
  readonly retryTopics: ReadonlySet<string>
}

/**
 * Where a reader begins that was here before: what it has no position in came later, or was made anew, and is read from
 * its first record.
 */
export const afterBeginning = (reader: Reader): Reader => ({
  ...reader,
  topics: new Map([...reader.topics].map(([topic, start]) => [topic, start === 'latest' ? 'earliest' : start])),
})

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
  places: readonly TopicPartition[],
  log: Log,
): Promise<readonly Lane[]> => {
  if (places.length === 0) return []
  const known = await askFor(group, reader, places)
  return places.flatMap(place => {
    const facts = known.get(laneName(place))
    return facts ? [laneAt(place, facts, log)] : []
  })
}

const laneAt = (place: TopicPartition, facts: Known, log: Log): Lane => {
  const { offset, why } = beginningOf(facts)
  const { finished, notes } = readMetadata(facts.metadata, offset)
  const lane = createLane(place, { committed: offset, finished, notes })
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

/** Those of the lanes whose position was committed and is not known any more. */
export const withoutPosition = async (
  group: Group,
  { groupId }: Reader,
  lanes: readonly Lane[],
): Promise<readonly Lane[]> => {
  const committed = lanes.filter(({ confirmed }) => confirmed > 0)
  if (committed.length === 0) return []
  const topics = byTopic(committed, ({ partition }) => ({ partition }))
  const { responses } = await (await group.coordinator()).offsetFetch({ groupId, topics })
  const forgotten = new Set(
    responses.flatMap(({ topic, partitions }) =>
      partitions.filter(({ offset }) => offset === '-1').map(({ partition }) => laneName({ topic, partition })),
    ),
  )
  return committed.filter(({ name }) => forgotten.has(name))
}

const askFor = async (
  group: Group,
  { groupId, topics }: Reader,
  places: readonly TopicPartition[],
): Promise<ReadonlyMap<string, Known>> => {
  const coordinator = await group.coordinator()
  const { responses } = await coordinator.offsetFetch({
    groupId,
    topics: byTopic(places, ({ partition }) => ({ partition })),
  })
  const earliest = await group.offsets(places, 'earliest')
  const latest = await group.offsets(places, 'latest')
  const timed = await timedStarts(group, topics, places)
  const known = new Map<string, Known>()
  for (const { topic, partitions } of responses)
    for (const { partition, offset, metadata } of partitions) {
      const lane = laneName({ topic, partition })
      const [low, high] = [offsetOf(earliest.get(lane) ?? '0'), offsetOf(latest.get(lane) ?? '0')]
      const at = offsetOf(timed.get(lane) ?? '-1')
      const start = topics.get(topic)
      const begin = start === 'earliest' ? low : start === 'latest' || at < 0 ? high : at
      known.set(lane, { committed: offsetOf(offset), metadata: metadata ?? null, earliest: low, start: begin })
    }
  return known
}

/** By lane, the first offset at or after the time at which its topic is to begin. */
const timedStarts = async (
  group: Group,
  topics: Reader['topics'],
  places: readonly TopicPartition[],
): Promise<ReadonlyMap<string, string>> => {
  const starts = new Map<string, string>()
  for (const [start, ofStart] of Map.groupBy(places, ({ topic }) => topics.get(topic))) {
    if (typeof start !== 'number') continue
    for (const [lane, offset] of await group.offsets(ofStart, start)) starts.set(lane, offset)
  }
  return starts
}
