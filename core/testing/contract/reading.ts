/** What the cases of the source contract read with. */
import assert from 'node:assert/strict'
import { sleep, systemClock } from '../../clock.ts'
import type { Delivery, PollRequest, Settlement, Source } from '../../contract.ts'
import { MillraceError } from '../../errors.ts'
import type { SourceHarness } from './harness.ts'

const PATIENCE_MS = 10_000
/** What a client may take to find that its broker is back: pauses between tries, sessions that have to end. */
const RECOVERY_MS = 90_000
const PAUSE_MS = 200
/** The core leaves a source behind that takes longer. */
const CLOSE_MS = 10_000
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

/**
 * Reads on as the core does, where polls may fail and be tried again, until `enough`; what was taken is held, or accepted
 * as it comes. Rejects when that takes too long, or with an error that is fatal.
 */
export const readOn = async (
  source: Source,
  enough: (taken: readonly Delivery[]) => boolean | Promise<boolean>,
  then: 'hold' | 'accept' = 'hold',
): Promise<readonly Delivery[]> => {
  const taken: Delivery[] = []
  const until = systemClock.monotonic() + RECOVERY_MS
  while (!(await enough(taken))) {
    assert.ok(systemClock.monotonic() < until, `waited ${RECOVERY_MS} ms in vain, with ${bodies(taken).join(', ')}`)
    const found = await source.poll(request({ waitMs: PAUSE_MS })).catch(pauseUnlessFatal)
    taken.push(...found)
    if (then === 'accept') await settleAll(source, accept(found))
  }
  return taken
}

const pauseUnlessFatal = async (error: unknown): Promise<readonly never[]> => {
  if (error instanceof MillraceError && error.fatal) throw error
  await sleep(systemClock, PAUSE_MS)
  return []
}

/** Opens as the core does, where the broker may not be ready yet. Rejects when it takes too long, or with an error that is fatal. */
export const openedAgain = async (harness: SourceHarness): Promise<Source> => {
  const until = systemClock.monotonic() + RECOVERY_MS
  for (;;) {
    const source = await harness.open().catch(async error => {
      if (systemClock.monotonic() > until) throw error
      await pauseUnlessFatal(error)
      return undefined
    })
    if (source) return source
  }
}

/** Settles as the core does: what is answered as unsettled, or not answered, is tried again. Rejects when it takes too long. */
export const settleAll = async (source: Source, settlements: readonly Settlement[]): Promise<void> => {
  const until = systemClock.monotonic() + RECOVERY_MS
  for (let left = settlements; left.length > 0; ) {
    assert.ok(systemClock.monotonic() < until, `${left.length} verdicts were not taken within ${RECOVERY_MS} ms`)
    const unsettled = await source.settle(left).then(
      answer => new Set(answer.map(({ delivery }) => delivery)),
      () => undefined,
    )
    left = left.filter(({ delivery }) => unsettled?.has(delivery) ?? true)
    if (left.length > 0) await sleep(systemClock, PAUSE_MS)
  }
}

/** Closes; rejects when it takes longer than the core waits for it. */
export const closedInTime = async (source: Source): Promise<void> => {
  const closed = new AbortController()
  const closing = source.close().then(() => closed.abort())
  await Promise.race([closing, sleep(systemClock, CLOSE_MS, closed.signal)])
  assert.ok(closed.signal.aborted, `the source was not closed within ${CLOSE_MS} ms`)
}
