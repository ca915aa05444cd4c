/** Acts on what an invocation came to: the decisions are in outcome.ts, retry.ts and breaker.ts, here they are carried out. */
import type { Report } from '../engine/contract.ts'
import { keyText } from '../values.ts'
import { charge, retry } from './again.ts'
import { accept, park } from './ending.ts'
import type { Entry } from './entry.ts'
import type { Batch, Flow } from './flow.ts'
import { noteHealth, turnBreaker } from './health.ts'
import { ACCEPTED, ALL_ACCEPTED, type Judgement, type JudgePolicy, judge, type Verdict } from './outcome.ts'

/** A record of a batch and what was decided about it. */
export type Judged = readonly [entry: Entry, verdict: Verdict]

/** Settles, retries or parks every record of a batch that has ended, and tells the breaker. */
export const conclude = (flow: Flow, batch: Batch, report: Report): void => {
  if (isAllAccepted(report)) acceptAll(flow, batch)
  else concludeOneByOne(flow, batch, report)
}

const concludeOneByOne = (flow: Flow, batch: Batch, report: Report): void => {
  const judgement = judgeBatch(flow, batch, report)
  const judged = batch.entries.map(
    (entry, index): Judged => [entry, afterProbing(flow, batch, entry, judgement.verdicts[index] ?? { kind: 'again' })],
  )
  noteHealth(flow, judgement)
  turnBreaker(flow, batch, judged, judgement)
  const again: Judged[] = []
  for (const [entry, verdict] of judged) {
    if (entry.state === 'gone') concludeLost(flow, entry, verdict)
    else if (verdict.kind === 'accepted') accept(flow, entry)
    else if (verdict.kind === 'dead') parkFailed(flow, entry, verdict, report)
    else again.push([entry, verdict])
  }
  if (again.length > 0) retry(flow, batch, again, judgement, report)
  // After they were put back: a scope with nothing in it is forgotten, and its next record would begin another one.
  // A record that is being parked holds its scope until the store has it.
  flow.waiting.finish(batch.entries.filter(entry => entry.state !== 'parking'))
}

/** What most batches come to: nothing has to be decided of any record. */
const isAllAccepted = ({ outcome }: Report): boolean =>
  outcome.kind === 'answered' && outcome.refused.length === 0 && (outcome.value === null || outcome.value === undefined)

const acceptAll = (flow: Flow, batch: Batch): void => {
  const split = batch.entries[0]?.part?.split
  if (split) split.failedInARow = 0
  noteHealth(flow, ALL_ACCEPTED)
  turnBreaker(flow, batch, [], ALL_ACCEPTED)
  for (const entry of batch.entries) {
    if (entry.state === 'gone') concludeLost(flow, entry, ACCEPTED)
    else accept(flow, entry)
  }
  flow.waiting.finish(batch.entries)
}

const judgeBatch = (flow: Flow, batch: Batch, report: Report): Judgement => {
  const { policy } = flow.spec
  const records = batch.entries.map(entry => ({
    id: entry.delivery.record.id,
    // A function skips the later records of a failed key, from whichever lane of the batch they come.
    scope: policy.order === 'key' ? keyText(entry.delivery.record.key) : entry.scope.name,
    attempts: entry.charged,
  }))
  const judgePolicy: JudgePolicy = {
    // A probe is free of charge, so it cannot use up the last attempt.
    maxAttempts: batch.kind === 'probe' ? Number.POSITIVE_INFINITY : policy.maxAttempts,
    notRetryable: policy.notRetryable,
    split: policy.bisect ? splitting(batch) : 'off',
  }
  const judgement = judge(records, report.outcome, judgePolicy)
  const split = batch.entries[0]?.part?.split
  if (split) split.failedInARow = judgement.succeeded ? 0 : split.failedInARow + 1
  return judgement
}

const splitting = (batch: Batch): JudgePolicy['split'] => {
  const split = batch.entries[0]?.part?.split
  return split && split.failedInARow + 1 >= split.limit ? 'given-up' : 'allowed'
}

/** Its next owner decides about a lost record; only that it was processed is worth remembering here. */
const concludeLost = (flow: Flow, entry: Entry, verdict: Verdict): void => {
  if (verdict.kind === 'accepted') flow.settler.remember(entry, 'accepted')
}

const parkFailed = (flow: Flow, entry: Entry, verdict: Extract<Verdict, { kind: 'dead' }>, report: Report): void => {
  // A body that cannot be read was never tried.
  if (verdict.reason === 'exhausted' || verdict.reason === 'not-retryable') charge(flow, entry, verdict.error, report)
  park(flow, entry, verdict.reason, verdict.error)
}

/** A failed probe costs nothing, but a lane or key can be probed with its head only, and not for ever. */
const afterProbing = (flow: Flow, batch: Batch, entry: Entry, verdict: Verdict): Verdict => {
  if (batch.kind !== 'probe' || verdict.kind !== 'failed') return verdict
  entry.probes += 1
  return entry.scope.name !== null && entry.probes >= flow.spec.policy.maxAttempts
    ? { kind: 'dead', reason: 'exhausted', error: verdict.error }
    : verdict
}
