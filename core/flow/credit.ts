/** What a mapping may still claim, in records and in bytes (DESIGN 1.1). */
import type { Entry } from './entry.ts'
import type { Policy } from './policy.ts'

/** One cap on bytes for all mappings of an app, so that many of them cannot fill the memory together. */
export interface SharedBytes {
  left(): number
  claim(bytes: number): void
  release(bytes: number): void
  /** Calls back whenever there is room again after there was none. */
  onRoom(run: () => void): () => void
}

export const createSharedBytes = (maxBytes: number): SharedBytes => {
  const waiting = new Set<() => void>()
  let used = 0
  return {
    left: () => Math.max(0, maxBytes - used),
    claim(bytes) {
      used += bytes
    },
    release(bytes) {
      const wasFull = used >= maxBytes
      used -= bytes
      if (wasFull && used < maxBytes) for (const run of waiting) run()
    },
    onRoom(run) {
      waiting.add(run)
      return () => waiting.delete(run)
    },
  }
}

export interface Credit {
  readonly records: number
  readonly bytes: number
  /** Records of a lane that are claimed and not settled. */
  inLane(lane: string): number
  lanes(): Iterable<string>
  /** What may still be claimed; zero of either means nothing is asked for. */
  left(): { readonly records: number; readonly bytes: number }
  claim(entry: Entry): void
  release(entry: Entry): void
}

export const createCredit = (policy: Pick<Policy, 'maxInFlight' | 'maxInFlightBytes'>, shared: SharedBytes): Credit => {
  const lanes = new Map<string, number>()
  let records = 0
  let bytes = 0
  const count = (entry: Entry, sign: 1 | -1): void => {
    records += sign
    bytes += sign * entry.bytes
    const { lane } = entry.delivery
    const left = (lanes.get(lane) ?? 0) + sign
    if (left === 0) lanes.delete(lane)
    else lanes.set(lane, left)
  }
  return {
    get records() {
      return records
    },
    get bytes() {
      return bytes
    },
    inLane: lane => lanes.get(lane) ?? 0,
    lanes: () => lanes.keys(),
    left: () => ({
      records: Math.max(0, policy.maxInFlight - records),
      bytes: Math.max(0, Math.min(policy.maxInFlightBytes - bytes, shared.left())),
    }),
    claim(entry) {
      count(entry, 1)
      shared.claim(entry.bytes)
    },
    release(entry) {
      count(entry, -1)
      shared.release(entry.bytes)
    },
  }
}

/**
 * The most records of one lane that are worth having: an ordered lane runs one batch at a time, so a second one that
 * waits is enough; where a lane runs many at once it may have all of its equal share.
 */
export const laneShare = (policy: Pick<Policy, 'order' | 'batchSize' | 'maxInFlight'>, lanes: number): number => {
  const enough = 2 * policy.batchSize
  return Math.min(
    policy.maxInFlight,
    policy.order === 'lane' ? enough : Math.max(enough, Math.floor(policy.maxInFlight / Math.max(1, lanes))),
  )
}
