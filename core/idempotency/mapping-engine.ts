/**
 * The engine of a mapping with `idempotency`: its function is given the records whose keys were claimed, and the others
 * are answered for here. Whatever form the function takes them in, and wherever it runs.
 */
import type { Clock } from '../clock.ts'
import type { Engine, Invocation, InvokedRecord, Report, Slot } from '../engine/contract.ts'
import { judge } from '../flow/outcome.ts'
import { failureOf } from '../function/run-records.ts'
import type { ClaimAnswer, ClaimWrite, IdempotencyStore, KeyClaim } from '../idempotency-store.ts'
import type { Log } from '../log.ts'
import { keyText } from '../values.ts'
import { warnOfAge } from './age.ts'
import { createLeases, type Held } from './leases.ts'
import { fatesOf } from './mapping-batch.ts'
import type { Keyed, ReadKeys } from './mapping-keys.ts'
import { mergeReport, withoutInvocation } from './mapping-report.ts'
import type { OnStoreError } from './policy.ts'
import { leaseLost, storeFailed } from './problems.ts'
import { writeSurely } from './writing.ts'

export interface MappingIdempotency {
  readonly consumer: string
  readonly store: IdempotencyStore
  readonly owner: string
  readonly readKeys: ReadKeys
  readonly ttlMs: number
  readonly leaseMs: number
  readonly onStoreError: OnStoreError
  /** Whether the flow splits a batch that failed as a whole. */
  readonly bisect: 'on' | 'off'
  readonly clock: Clock
  readonly log: Log
}

export const idempotentEngine = (engine: Engine, parts: MappingIdempotency): Engine => ({
  ...engine,
  async acquire(functionName, mapping, signal) {
    const slot = await engine.acquire(functionName, mapping, signal)
    if (!slot) return undefined
    return {
      release: slot.release,
      invoke: invocation => invokeOnce(parts, slot, invocation, () => engine.version(functionName)),
    }
  },
})

const invokeOnce = async (
  parts: MappingIdempotency,
  slot: Slot,
  invocation: Invocation,
  version: () => string,
): Promise<Report> => {
  const { consumer, clock } = parts
  const records = invocation.records.map(({ record }) => record)
  const keys = await parts.readKeys(records)
  const scopes = records.map(({ key }) => scopeOf(invocation.order, key))
  const askedAt = clock.monotonic()
  let answers: ReadonlyMap<string, ClaimAnswer> | 'unprotected'
  try {
    answers = await claimAll(parts, keys)
  } catch (thrown) {
    slot.release()
    const error = storeFailed(consumer, 'keys could not be claimed, nothing was run', thrown)
    return withoutInvocation(
      version(),
      records.map((record, index) => failureOf(record, error, index)),
    )
  }
  const fates = fatesOf({ consumer, keys, answers, scopes })
  if (invocation.replayed) {
    const run = records.filter((_, index) => fates[index]?.kind === 'given')
    warnOfAge(run, { consumer, ttlMs: parts.ttlMs, now: clock.now(), log: parts.log })
  }
  const claims = holdAll(parts, keys, answers, askedAt)
  const given = [...fates.keys()].filter(index => fates[index]?.kind === 'given')
  const report = await invokeGiven(slot, invocation, given, claims, version)
  const judged = judge(
    given.map(index => ({ id: records[index]?.id ?? '', scope: scopes[index] ?? null, attempts: 0 })),
    report.outcome,
    { maxAttempts: Number.POSITIVE_INFINITY, notRetryable: [], split: given.length > 1 ? 'allowed' : 'off' },
  )
  const accepted = new Set(given.filter((_, at) => judged.verdicts[at]?.kind === 'accepted'))
  const problems = await tellAll(parts, keys, claims, accepted)
  return mergeReport(report, { consumer, records, keys, fates, accepted, problems, judged, bisect: parts.bisect })
}

const scopeOf = (order: Invocation['order'], key: string | Uint8Array | null): string | null =>
  order === 'lane' ? 'lane' : order === 'key' ? keyText(key) : null

/** The first record of each key. */
const firstsOf = (keys: readonly Keyed[]): ReadonlyMap<string, number> => {
  const firsts = new Map<string, number>()
  for (const [index, keyed] of keys.entries())
    if (keyed.kind === 'keyed' && !firsts.has(keyed.key)) firsts.set(keyed.key, index)
  return firsts
}

const claimAll = async (
  { store, owner, leaseMs, ttlMs, onStoreError }: MappingIdempotency,
  keys: readonly Keyed[],
): Promise<ReadonlyMap<string, ClaimAnswer> | 'unprotected'> => {
  const claims = [...firstsOf(keys).values()].flatMap((index): KeyClaim[] => {
    const keyed = keys[index]
    return keyed?.kind === 'keyed' ? [{ key: keyed.key, fingerprint: keyed.fingerprint }] : []
  })
  if (claims.length === 0) return new Map()
  try {
    const answers = await store.claim(claims, { owner, leaseMs, ttlMs })
    return new Map(claims.flatMap(({ key }, at) => (answers[at] ? [[key, answers[at]] as const] : [])))
  } catch (thrown) {
    if (onStoreError === 'run') return 'unprotected'
    throw thrown
  }
}

interface Claims {
  /** By the place of its record in the batch. */
  readonly held: ReadonlyMap<number, Held>
  /** Aborted when one of them is lost. */
  readonly lost: AbortSignal
  drop(): void
}

const holdAll = (
  { store, owner, leaseMs, clock, consumer }: MappingIdempotency,
  keys: readonly Keyed[],
  answers: ReadonlyMap<string, ClaimAnswer> | 'unprotected',
  askedAt: number,
): Claims => {
  const lost = new AbortController()
  const onLost = (error: Error): void => lost.abort(error)
  const leases = createLeases({ store, clock, consumer, by: { owner, leaseMs }, onLost })
  const held = new Map<number, Held>()
  if (answers !== 'unprotected')
    for (const [key, index] of firstsOf(keys)) {
      const answer = answers.get(key)
      if (answer?.kind === 'claimed') held.set(index, leases.hold(key, answer.fence, askedAt))
    }
  return {
    held,
    lost: lost.signal,
    drop() {
      for (const each of held.values()) leases.drop(each)
    },
  }
}

const invokeGiven = async (
  slot: Slot,
  invocation: Invocation,
  given: readonly number[],
  { held, lost }: Claims,
  version: () => string,
): Promise<Report> => {
  if (given.length === 0) {
    slot.release()
    return withoutInvocation(version(), [])
  }
  const records = given.flatMap((index): InvokedRecord[] => {
    const invoked = invocation.records[index]
    const claim = held.get(index)
    return invoked ? [claim ? { ...invoked, idempotencyKey: claim.key, fence: claim.fence } : invoked] : []
  })
  return slot.invoke({ ...invocation, records, signal: AbortSignal.any([invocation.signal, lost]) })
}

/** Answers which records were processed without the store having heard of it. */
const tellAll = async (
  { store, owner, leaseMs, ttlMs, clock, consumer }: MappingIdempotency,
  keys: readonly Keyed[],
  { held, drop }: Claims,
  accepted: ReadonlySet<number>,
): Promise<ReadonlyMap<number, Error>> => {
  const writes = [...held].map(([index, { key, fence }]): ClaimWrite => {
    const keyed = keys[index]
    const fingerprint = keyed?.kind === 'keyed' ? keyed.fingerprint : ''
    return accepted.has(index)
      ? { kind: 'complete', key, owner, fence, fingerprint, result: '', ttlMs }
      : { kind: 'release', key, owner, fence }
  })
  const completed = [...held.keys()].filter(index => accepted.has(index))
  const tell = (problem: (index: number) => Error): ReadonlyMap<number, Error> =>
    new Map(completed.map(index => [index, problem(index)]))
  try {
    if (writes.length === 0) return new Map()
    const answers = await writeSurely(store, writes, { clock, giveUpAt: clock.monotonic() + leaseMs })
    const lostAt = new Set([...held.keys()].filter((_, at) => answers[at] !== 'held'))
    return new Map([...tell(index => leaseLost(consumer, shownAt(keys, index)))].filter(([index]) => lostAt.has(index)))
  } catch (thrown) {
    return tell(index =>
      storeFailed(consumer, `${shownAt(keys, index)} was processed, but the store could not be told`, thrown),
    )
  } finally {
    drop()
  }
}

const shownAt = (keys: readonly Keyed[], index: number): string => {
  const keyed = keys[index]
  return keyed?.kind === 'keyed' ? keyed.shown : ''
}
