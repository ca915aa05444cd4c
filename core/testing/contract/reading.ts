/** What the cases of the source contract read with. */
import type { Delivery, PollRequest, Settlement, Source } from '../../contract.ts'
import { MillraceError } from '../../errors.ts'
import type { SourceHarness } from './harness.ts'

const PATIENCE_MS = 10_000
/** Long enough to see that something does come which must not; nothing waits for it to pass otherwise. */
export const QUIET_MS = 150

export const request = (changes: Partial<PollRequest> = {}): PollRequest => ({
  max: 100,
  maxPerLane: 100,
  maxBytes: 1_000_000_000,
  waitMs: 0,
  skipLanes: new Set(),
  signal: new AbortController().signal,
  ...changes,
})

/** Polls until there are `count` deliveries, or none came for as long as the harness has patience. */
export const take = async (harness: SourceHarness, source: Source, count: number): Promise<readonly Delivery[]> => {
  const taken: Delivery[] = []
  while (taken.length < count) {
    const left = count - taken.length
    const waitMs = harness.patienceMs ?? PATIENCE_MS
    const found = await source.poll(request({ max: left, maxPerLane: left, waitMs }))
    if (found.length === 0) break
    taken.push(...found)
  }
  return taken
}

export const nothingMore = (source: Source): Promise<readonly Delivery[]> => source.poll(request({ waitMs: QUIET_MS }))

export const bodies = (deliveries: readonly Delivery[]): readonly string[] =>
  deliveries.map(({ record }) => Buffer.from(record.body ?? []).toString())

export const numbered = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `r${index}`)

export const accept = (deliveries: readonly Delivery[]): readonly Settlement[] =>
  deliveries.map(delivery => ({ delivery, outcome: 'accepted' }))

export const release = (deliveries: readonly Delivery[], attempts = 0): readonly Settlement[] =>
  deliveries.map(delivery => ({ delivery, outcome: 'released', attempts }))

export const reject = (deliveries: readonly Delivery[]): readonly Settlement[] =>
  deliveries.map(delivery => ({
    delivery,
    outcome: 'rejected',
    reason: new MillraceError('RECORD_FAILED', 'parked by the contract'),
  }))
