/**
 * What becomes of each record of a batch: a pure function of the batch and the engine's report (DESIGN 1.6, 1.7).
 *
 *   answered ─ not named ──────────────────────────────▶ accepted
 *            ─ named as untried ─────────────────────────▶ untried
 *            ─ named ─┬ not retryable, or out of attempts ▶ dead ────────────┬▶ the rest of its order scope: again
 *                     └ otherwise ────────────────────────▶ failed (charged) ┘
 *   failed   ─ alone ── as if named
 *            ─ among others ────────────────────────────▶ split, or, when splitting found nothing, again
 *   not ready, throttled, aborted ─────────────────────────────────▶ again
 */
import type { DeadLetterReason, ErrorInfo } from '../contract.ts'
import type { FunctionError, Outcome, RefusedRecord } from '../engine/contract.ts'
import { readAnswer } from './answer.ts'

/** What the decision needs to know of a record of the batch. */
export interface Judged {
  readonly id: string
  /** The sequence within which order holds: later records of it follow an earlier one. Null: no order. */
  readonly scope: string | null
  /** Failures charged before this invocation. */
  readonly attempts: number
}

export type Verdict =
  | { readonly kind: 'accepted' }
  /** Failed itself: charged one attempt, retried after a delay. */
  | { readonly kind: 'failed'; readonly error: ErrorInfo; readonly retryAfterMs: number | undefined }
  /** To be parked. `charged` tells whether the last invocation counts as an attempt of its own. */
  | { readonly kind: 'dead'; readonly reason: DeadLetterReason; readonly error: ErrorInfo }
  /** The function did not come to it: tried again after a moment, for free. */
  | { readonly kind: 'untried'; readonly retryAfterMs: number | undefined }
  /** Tried for free: dragged along, or nothing was learned about it. */
  | { readonly kind: 'again' }

export interface Judgement {
  /** One for each record of the batch, in its order. Those of a split or backed-off batch are `again`. */
  readonly verdicts: readonly Verdict[]
  /** What happened to the batch as a whole. */
  readonly batch: 'done' | 'split' | 'backed-off' | 'not-ready' | 'throttled' | 'aborted'
  /** The error of a batch that failed as a whole. */
  readonly error?: ErrorInfo
  /** When a batch that failed as a whole asked to be tried again. */
  readonly retryAfterMs?: number | undefined
  /** True when at least one record was accepted. */
  readonly succeeded: boolean
}

export interface JudgePolicy {
  readonly maxAttempts: number
  readonly notRetryable: readonly string[]
  /** Whether a failed batch of several may be split: on in the policy, and splitting has not been given up. */
  readonly split: 'allowed' | 'given-up' | 'off'
}

export const ACCEPTED: Verdict = { kind: 'accepted' }
/** Of a batch of which nobody looks at single verdicts. */
export const ALL_ACCEPTED: Judgement = { verdicts: [], batch: 'done', succeeded: true }
const AGAIN: Verdict = { kind: 'again' }

/** Decides about every record of a batch. */
export const judge = (batch: readonly Judged[], outcome: Outcome, policy: JudgePolicy): Judgement => {
  switch (outcome.kind) {
    case 'not-ready':
      return whole(batch, 'not-ready', outcome.error)
    case 'throttled':
      return { ...whole(batch, 'throttled', outcome.error), retryAfterMs: outcome.retryAfterMs }
    case 'aborted':
      return whole(batch, 'aborted')
    case 'failed':
      return judgeFailed(batch, outcome.error, outcome.refused, policy)
    case 'answered':
      return judgeAnswered(batch, outcome.value, outcome.refused, policy)
  }
}

const judgeAnswered = (
  batch: readonly Judged[],
  value: unknown,
  refused: readonly RefusedRecord[],
  policy: JudgePolicy,
): Judgement => {
  if (refused.length === 0 && (value === null || value === undefined))
    return { verdicts: batch.map(() => ACCEPTED), batch: 'done', succeeded: true }
  const refusals = new Map(refused.map(item => [item.id, item]))
  const given = batch.filter(record => !refusals.has(record.id))
  const answer = readAnswer(
    value,
    given.map(record => record.id),
  )
  if (!answer.ok)
    return judgeFailed(
      batch,
      { name: 'InvalidAnswer', message: answer.problem, code: 'FUNCTION_ANSWER_INVALID' },
      refused,
      policy,
    )
  const blocked = new Set<string>()
  const held = new Set<string>()
  const verdicts = batch.map((record): Verdict => {
    if (record.scope !== null && blocked.has(record.scope)) return AGAIN
    const refusal = refusals.get(record.id)
    if (refusal) return { kind: 'dead', reason: refusal.verdict, error: refusal.error }
    const failure = answer.failures.get(record.id)
    // Whatever a function did past a record of the scope that it left out was done out of order.
    if (!failure) return record.scope !== null && held.has(record.scope) ? AGAIN : ACCEPTED
    if (failure.untried) {
      if (record.scope !== null) held.add(record.scope)
      return { kind: 'untried', retryAfterMs: failure.retryAfterMs }
    }
    const verdict = charge(record, failure.error, failure.retryable, failure.retryAfterMs, policy)
    // A function stops at the first failure of a scope, also where that record is dead: the later ones were never tried.
    if (record.scope !== null) blocked.add(record.scope)
    return verdict
  })
  return { verdicts, batch: 'done', succeeded: verdicts.some(verdict => verdict.kind === 'accepted') }
}

const judgeFailed = (
  batch: readonly Judged[],
  error: FunctionError,
  refused: readonly RefusedRecord[],
  policy: JudgePolicy,
): Judgement => {
  const refusals = new Map(refused.map(item => [item.id, item]))
  const given = batch.filter(record => !refusals.has(record.id))
  // Without splitting, the batch is the unit that the user asked for: all of it is charged, as Lambda does.
  const charged = given.length === 1 || policy.split === 'off'
  const verdicts = batch.map((record): Verdict => {
    const refusal = refusals.get(record.id)
    if (refusal) return { kind: 'dead', reason: refusal.verdict, error: refusal.error }
    return charged ? charge(record, error, error.retryable ?? true, error.retryAfterMs, policy) : AGAIN
  })
  const kind = charged ? 'done' : policy.split === 'allowed' ? 'split' : 'backed-off'
  return { verdicts, batch: kind, error, retryAfterMs: error.retryAfterMs, succeeded: false }
}

const charge = (
  record: Judged,
  error: ErrorInfo,
  retryable: boolean,
  retryAfterMs: number | undefined,
  policy: JudgePolicy,
): Verdict => {
  if (!retryable || isListed(error, policy.notRetryable)) return { kind: 'dead', reason: 'not-retryable', error }
  if (record.attempts + 1 >= policy.maxAttempts) return { kind: 'dead', reason: 'exhausted', error }
  return { kind: 'failed', error, retryAfterMs }
}

const isListed = (error: ErrorInfo, names: readonly string[]): boolean =>
  names.includes(error.name) || (error.code !== undefined && names.includes(error.code))

const whole = (
  batch: readonly Judged[],
  kind: 'not-ready' | 'throttled' | 'aborted',
  error?: ErrorInfo,
): Judgement => ({
  verdicts: batch.map(() => AGAIN),
  batch: kind,
  ...(error ? { error } : {}),
  succeeded: false,
})
