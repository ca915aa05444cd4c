/**
 * A receiver of CloudEvents over HTTP, as Knative has them: one request for each record, one after the other, in the
 * structured mode that every receiver takes. Which records failed is known exactly; the body of an answer says nothing.
 *
 *   record ── 2xx ──▶ accepted, the next one
 *          ── failed ──▶ named, the next one that order allows
 *          ── no room, not ready ──▶ this one and all behind it are untried
 */
import { foreignBatch } from '../../event/foreign.ts'
import { checkedText } from '../../event/text.ts'
import type { BatchItemFailure } from '../../function/answer.ts'
import { keyText } from '../../values.ts'
import type { ForeignEvents, Invocation, InvokedRecord, RefusedRecord } from '../contract.ts'
import type { Remote, RemoteOutcome } from './remote.ts'
import type { Answered } from './status.ts'

export const sendCloudEvents = async (remote: Remote, invocation: Invocation): Promise<RemoteOutcome> => {
  const { records, order, events, mapping } = invocation
  if (events?.format !== 'cloudevents')
    return outcomeOnly({
      kind: 'not-ready',
      error: {
        name: 'FunctionMismatch',
        code: 'FUNCTION_MISMATCH',
        message: `functions.${remote.spec.name} takes CloudEvents (protocol), but mapping ${mapping} has format '${events?.format ?? 'millrace'}'; write format: 'cloudevents'`,
      },
    })
  const refused: RefusedRecord[] = []
  const failures: BatchItemFailure[] = []
  /** Of records that failed: what follows them in their order is not sent. */
  const blocked = new Set<string | null>()
  const isBlocked = ({ record }: InvokedRecord): boolean =>
    (order === 'lane' && blocked.size > 0) ||
    (order === 'key' && record.key !== null && blocked.has(keyText(record.key)))
  const untriedFrom = (index: number, retryAfterMs?: number): readonly BatchItemFailure[] =>
    records
      .slice(index)
      .filter(each => !isBlocked(each))
      .map(each => untried(each, retryAfterMs))
  let answers = 0
  for (const [index, invoked] of records.entries()) {
    if (isBlocked(invoked)) continue
    if (remote.isLate()) {
      failures.push(...untriedFrom(index))
      break
    }
    const answered = await sendOne(remote, invocation, events, invoked, refused)
    if (answered.kind === 'ok') answers += 1
    else if (answered.kind === 'failed') {
      answers += 1
      failures.push(failureOf(invoked, answered))
      blocked.add(keyText(invoked.record.key))
    } else if (answered.kind !== 'refused') {
      if (answers === 0 || answered.kind === 'aborted') return outcomeOnly(answered)
      failures.push(...untriedFrom(index, answered.kind === 'throttled' ? answered.retryAfterMs : undefined))
      break
    }
  }
  const value = failures.length === 0 ? null : { batchItemFailures: failures }
  return outcomeOnly({ kind: 'answered', value, refused })
}

const outcomeOnly = (outcome: RemoteOutcome['outcome']): RemoteOutcome => ({ outcome, logs: [] })

const HEADERS = { 'Content-Type': 'application/cloudevents+json; charset=utf-8' }

const sendOne = async (
  remote: Remote,
  { codec }: Invocation,
  events: ForeignEvents,
  invoked: InvokedRecord,
  refusals: RefusedRecord[],
): Promise<Answered | { readonly kind: 'refused' }> => {
  const { event, refused } = await foreignBatch({ events, codec, records: [invoked] }, undefined, checkedText)
  const [only] = (event ?? []) as readonly unknown[]
  if (only !== undefined) return remote.post(HEADERS, JSON.stringify(only))
  refusals.push(...refused)
  return { kind: 'refused' }
}

const failureOf = ({ record }: InvokedRecord, { error }: Extract<Answered, { kind: 'failed' }>): BatchItemFailure => ({
  itemIdentifier: record.id,
  error,
  ...(error.retryable === undefined ? {} : { retryable: error.retryable }),
  ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
})

const untried = ({ record }: InvokedRecord, retryAfterMs: number | undefined): BatchItemFailure => ({
  itemIdentifier: record.id,
  untried: true,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
})
