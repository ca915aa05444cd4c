/** Which member of a group gets which partitions; pure. Deploys and crashes are to move as few of them as is fair. */
import { laneName, type TopicPartition } from './place.ts'

/** A member as its request to join tells. */
export interface Candidate {
  readonly memberId: string
  readonly topics: ReadonlySet<string>
  /** The generation in which it had `owned`; two members cannot have had the same partition in the same one. */
  readonly generationId: number
  readonly owned: readonly TopicPartition[]
}

interface Hand {
  readonly candidate: Candidate
  readonly held: TopicPartition[]
}

/**
 * Deals out each topic by itself, so that every member has an equal share of each, give or take one: a topic that is busy
 * and one that is idle weigh the same otherwise. Among members that may have one more it is the one with the fewest
 * partitions so far, then the one that had it before. The same members get the same again.
 */
export const deal = (
  candidates: readonly Candidate[],
  topics: ReadonlyMap<string, readonly number[]>,
): ReadonlyMap<string, readonly TopicPartition[]> => {
  const hands = candidates
    .map((candidate): Hand => ({ candidate, held: [] }))
    .sort((one, other) => compare(one.candidate.memberId, other.candidate.memberId))
  const owners = ownersOf(candidates)
  for (const topic of [...topics.keys()].sort(compare)) {
    const readers = hands.filter(({ candidate }) => candidate.topics.has(topic))
    const places = (topics.get(topic) ?? []).map(partition => ({ topic, partition }))
    if (readers.length > 0) dealTopic(readers, places, owners)
  }
  return new Map(hands.map(({ candidate, held }) => [candidate.memberId, held]))
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

const dealTopic = (
  readers: readonly Hand[],
  places: readonly TopicPartition[],
  owners: ReadonlyMap<string, Candidate>,
): void => {
  const had = Map.groupBy(places, place => owners.get(laneName(place))?.memberId)
  const hadBy = ({ candidate }: Hand): readonly TopicPartition[] => had.get(candidate.memberId) ?? []
  const share = Math.floor(places.length / readers.length)
  const wantsMore = (hand: Hand): number => (hadBy(hand).length > share ? 0 : 1)
  const withOneMore = new Set(
    readers
      .toSorted((one, other) => one.held.length - other.held.length || wantsMore(one) - wantsMore(other))
      .slice(0, places.length % readers.length),
  )
  const quota = (hand: Hand): number => share + (withOneMore.has(hand) ? 1 : 0)
  const kept = new Map(readers.map(hand => [hand, hadBy(hand).slice(0, quota(hand))]))
  const taken = new Set([...kept.values()].flat())
  const free = places.filter(place => !taken.has(place))
  for (const hand of readers) {
    const keeps = kept.get(hand) ?? []
    hand.held.push(...keeps, ...free.splice(0, quota(hand) - keeps.length))
  }
}

/** By lane. Where two say that a partition is theirs, one of them has not noticed yet that it was taken away. */
const ownersOf = (candidates: readonly Candidate[]): ReadonlyMap<string, Candidate> => {
  const owners = new Map<string, Candidate>()
  for (const candidate of candidates)
    for (const place of candidate.owned) {
      const other = owners.get(laneName(place))
      if (!other || other.generationId < candidate.generationId) owners.set(laneName(place), candidate)
    }
  return owners
}
