/** What the cases of the source contract read with. */
import assert from 'node:assert/strict'
import { sleep, systemClock } from '../../clock.ts'
import type { Delivery, PollRequest, Settlement, Source } from '../../contract.ts'
import { errorInfo, MillraceError } from '../../errors.ts'
import type { SourceHarness } from './harness.ts'

const PATIENCE_MS = 10_000
/** What a client may take to find that its broker is back, in patiences: pauses between tries, sessions that have to end. */
const RECOVERY_PATIENCES = 9
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
  harness: SourceHarness,
  source: Source,
  enough: (taken: readonly Delivery[]) => boolean | Promise<boolean>,
  then: 'hold' | 'accept' = 'hold',
): Promise<readonly Delivery[]> => {
  const taken: Delivery[] = []
  const check = deadline(harness)
  while (!(await enough(taken))) {
    check(() => `enough was read; there are ${bodies(taken).join(', ') || 'none'}`)
    const found = await source.poll(request({ waitMs: PAUSE_MS })).catch(pauseUnlessFatal)
    taken.push(...found)
    if (then === 'accept') await settleAll(harness, source, accept(found))
  }
  return taken
}

/** Opens as the core does, where the broker may not be ready yet. */
export const openedAgain = async (harness: SourceHarness): Promise<Source> => {
  const check = deadline(harness)
  for (;;) {
    const source = await harness.open().catch(async error => {
      await pauseUnlessFatal(error)
      check(() => `a source could be opened: ${errorInfo(error).message}`)
      return undefined
    })
    if (source) return source
  }
}

/** Settles as the core does: what is answered as unsettled, or not answered, is tried again. */
export const settleAll = async (
  harness: SourceHarness,
  source: Source,
  settlements: readonly Settlement[],
): Promise<void> => {
  const check = deadline(harness)
  for (let left = settlements; left.length > 0; ) {
    const unsettled = await source.settle(left).then(
      answer => new Set(answer.map(({ delivery }) => delivery)),
      () => undefined,
    )
    left = left.filter(({ delivery }) => unsettled?.has(delivery) ?? true)
    if (left.length === 0) return
    check(() => `the last ${left.length} verdicts were taken`)
    await sleep(systemClock, PAUSE_MS)
  }
}

/** Rejects when closing takes longer than the core waits for it. */
export const closedInTime = async (harness: SourceHarness, source: Source): Promise<void> => {
  const limitMs = Math.min(CLOSE_MS, harness.patienceMs ?? PATIENCE_MS)
  const closed = new AbortController()
  const closing = source.close().then(() => closed.abort())
  await Promise.race([closing, sleep(systemClock, limitMs, closed.signal)])
  assert.ok(closed.signal.aborted, `the source was not closed within ${limitMs} ms`)
}

/** Fails, with what was waited for, once recovering has taken too long. */
const deadline = ({ patienceMs = PATIENCE_MS }: SourceHarness): ((what: () => string) => void) => {
  const limitMs = RECOVERY_PATIENCES * patienceMs
  const until = systemClock.monotonic() + limitMs
  return what => {
    if (systemClock.monotonic() > until) assert.fail(`waited ${limitMs} ms in vain until ${what()}`)
  }
}

const pauseUnlessFatal = async (error: unknown): Promise<readonly never[]> => {
  if (error instanceof MillraceError && error.fatal) throw error
  await sleep(systemClock, PAUSE_MS)
  return []
}
