/** What the flow is told of a batch of which a function saw only some records. Pure. */
import type { EventRecord } from '../contract.ts'
import type { FunctionError, Outcome, Report } from '../engine/contract.ts'
import type { Judgement } from '../flow/outcome.ts'
import type { BatchItemFailure } from '../function/answer.ts'
import { failureOf } from '../function/run-records.ts'
import { differ, type Fate } from './mapping-batch.ts'
import type { Keyed } from './mapping-keys.ts'
import { payloadDiffers } from './problems.ts'

export interface Merged {
  readonly consumer: string
  readonly records: readonly EventRecord[]
  readonly keys: readonly Keyed[]
  readonly fates: readonly Fate[]
  /** Places of the records that the function processed. */
  readonly accepted: ReadonlySet<number>
  /** Of those, the ones of which the store does not know it. */
  readonly problems: ReadonlyMap<number, Error>
  readonly judged: Pick<Judgement, 'error'>
  readonly bisect: 'on' | 'off'
}

/** A batch that no function had to see. */
export const withoutInvocation = (version: string, batchItemFailures: readonly BatchItemFailure[]): Report => ({
  outcome: { kind: 'answered', value: { batchItemFailures }, refused: [] },
  environment: 'none',
  version,
  cold: false,
  durationMs: 0,
  billedMs: 0,
  gbSeconds: 0,
  memoryMb: 0,
  logs: [],
})

export const mergeReport = (report: Report, merged: Merged): Report => {
  const outcome = mergeOutcome(report.outcome, merged)
  return outcome === report.outcome ? report : { ...report, outcome }
}

const mergeOutcome = (outcome: Outcome, merged: Merged): Outcome => {
  if (outcome.kind === 'failed') return mergeFailed(outcome, merged)
  if (outcome.kind !== 'answered') return outcome
  // What is no answer to the records it was given is none to the whole batch.
  if (merged.judged.error) return mergeFailed({ ...outcome, kind: 'failed', error: merged.judged.error }, merged)
  const own = ownFailures(merged)
  if (own.length === 0) return outcome
  const value = { batchItemFailures: [...failuresIn(outcome.value), ...own] }
  return { kind: 'answered', value, refused: outcome.refused }
}

/** Those that were not given to it have not failed: they are told apart where the flow would take all for one. */
const mergeFailed = (outcome: Extract<Outcome, { kind: 'failed' }>, merged: Merged): Outcome => {
  const given = [...merged.fates.keys()].filter(index => merged.fates[index]?.kind === 'given')
  if (given.length === merged.records.length || (given.length > 1 && merged.bisect === 'on')) return outcome
  const refused = new Set(outcome.refused.map(({ id }) => id))
  const failed = given.flatMap((index): BatchItemFailure[] => {
    const id = merged.records[index]?.id ?? ''
    return refused.has(id) ? [] : [namedFailure(id, outcome.error)]
  })
  const value = { batchItemFailures: [...failed, ...ownFailures(merged)] }
  return { kind: 'answered', value, refused: outcome.refused }
}

const namedFailure = (id: string, { retryable, retryAfterMs, ...error }: FunctionError): BatchItemFailure => ({
  itemIdentifier: id,
  error,
  ...(retryable === undefined ? {} : { retryable }),
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
})

const failuresIn = (value: unknown): readonly BatchItemFailure[] =>
  (value as { readonly batchItemFailures?: readonly BatchItemFailure[] } | null | undefined)?.batchItemFailures ?? []

/** Of records that the function was not given, and of those that are not known to be completed. */
const ownFailures = (merged: Merged): readonly BatchItemFailure[] =>
  merged.fates.flatMap((fate, index): readonly BatchItemFailure[] => {
    const record = merged.records[index]
    return record ? failureFor(record.id, fate, index, merged) : []
  })

const failureFor = (id: string, fate: Fate, index: number, merged: Merged): readonly BatchItemFailure[] => {
  const problem = merged.problems.get(index)
  switch (fate.kind) {
    case 'given':
      return problem ? [untried(id, problem)] : []
    case 'done':
      return []
    case 'failed':
      return [{ ...failureOf({ id }, fate.error, index), retryable: fate.retryable }]
    case 'untried':
      return [untried(id, fate.error)]
    case 'follows':
      return following(id, fate.first, index, merged)
  }
}

const following = (id: string, first: number, index: number, merged: Merged): readonly BatchItemFailure[] => {
  const [before, own] = [merged.keys[first], merged.keys[index]]
  if (!merged.accepted.has(first) || merged.problems.has(first)) return [untried(id, undefined)]
  if (before?.kind !== 'keyed' || own?.kind !== 'keyed' || !differ(before.fingerprint, own.fingerprint)) return []
  return [{ ...failureOf({ id }, payloadDiffers(merged.consumer, own.shown), index), retryable: false }]
}

const untried = (id: string, error: Error | undefined): BatchItemFailure =>
  error ? { ...failureOf({ id }, error, 0), untried: true } : { itemIdentifier: id, untried: true }
