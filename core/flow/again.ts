/** Records that are to run again: when, in which company, and what it costs them. */
import type { Attempt, ErrorInfo } from '../contract.ts'
import type { Report } from '../engine/contract.ts'
import type { Judged } from './conclude.ts'
import { GIVE_BACK_FROM_MS, giveBack, giveBackBehind } from './ending.ts'
import { type Entry, newSplit, type Part, type Scope } from './entry.ts'
import type { Batch, Flow } from './flow.ts'
import type { Judgement, Verdict } from './outcome.ts'
import { watchRecall } from './recall.ts'
import { DEFER_FROM_MS, deferralStep, delayMs } from './retry.ts'
import { isRemembered, rememberAttempts } from './suspect.ts'

/** Charges a record one attempt, with all that is known of it. */
export const charge = (flow: Flow, entry: Entry, error: ErrorInfo, report: Report): void => {
  const attempt: Attempt = {
    number: entry.charged + 1,
    at: Math.round(flow.tools.clock.now() - report.durationMs),
    durationMs: report.durationMs,
    environment: report.environment,
    error: {
      name: error.name,
      message: error.message,
      ...(error.code === undefined ? {} : { code: error.code }),
      ...(error.stack === undefined ? {} : { stack: error.stack }),
    },
    ...(report.logs.length === 0 ? {} : { logs: report.logs }),
  }
  entry.history = [...entry.history, attempt]
  entry.charged += 1
}

/** Has records run again: at once, after a delay, in halves, or by way of the source. */
export const retry = (
  flow: Flow,
  batch: Batch,
  judged: readonly Judged[],
  judgement: Judgement,
  report: Report,
): void => {
  const entries = judged.map(([entry]) => entry)
  if (judgement.batch === 'split') bisect(flow, entries)
  else {
    for (const entry of entries) entry.part = undefined
    if (backsOff(flow, batch, judgement)) backOff(flow, entries, judgement)
    else if (judgement.batch === 'aborted' || batch.kind === 'probe') tryAgain(flow, entries, batch)
    else
      putBackOrDefer(
        flow,
        judged.map(([entry, verdict]) => [entry, waitOf(flow, entry, verdict, report)]),
      )
  }
  for (const entry of entries) watchRecall(flow, entry)
}

/**
 * What was aborted while the mapping goes on would be tried again at once, and again; when it stops, it is given back.
 * The same holds for a probe that failed while another batch closed the breaker.
 */
const backsOff = ({ phase, breaker }: Flow, { kind }: Batch, { batch }: Judgement): boolean =>
  batch === 'backed-off' ||
  batch === 'not-ready' ||
  batch === 'throttled' ||
  (batch === 'aborted' && phase === 'running') ||
  (kind === 'probe' && breaker.state === 'closed')

/** Of an aborted batch nothing was learned; a failed probe is free, and the breaker says when the next one is. */
const tryAgain = (flow: Flow, entries: readonly Entry[], batch: Batch): void => {
  if (batch.kind === 'probe') for (const entry of entries) countFree(flow, entry)
  flow.waiting.putBack(entries)
}

/** The halves of a batch that threw; each runs as it is, and where they share an order, one after the other. */
const bisect = (flow: Flow, entries: readonly Entry[]): void => {
  const split = entries[0]?.part?.split ?? newSplit(entries.length)
  const middle = Math.ceil(entries.length / 2)
  const parts = [entries.slice(0, middle), entries.slice(middle)].map((half): Part => ({ split, entries: [...half] }))
  for (const part of parts) for (const entry of part.entries) entry.part = part
  flow.waiting.putBack(entries)
  flow.waiting.addParts(parts)
}

/** Nothing was learned about any of them: all wait together, for free. */
const backOff = (flow: Flow, entries: readonly Entry[], judgement: Judgement): void => {
  for (const entry of entries) countFree(flow, entry)
  const tries = Math.max(...entries.map(entry => entry.tries))
  const wait = delayMs(
    { tries, charge: 'free', retryAfterMs: judgement.retryAfterMs },
    flow.spec.policy.backoff,
    flow.tools.random(),
  )
  putBackOrDefer(
    flow,
    entries.map(entry => [entry, wait]),
  )
}

/** How long the source is to keep it, undefined for not at all. */
const deferral = (flow: Flow, entry: Entry, wait: number): number | undefined => {
  const isFree = entry.freeSince !== undefined
  // An open breaker gives nothing back: what it has is what it probes with.
  if (wait === 0 || (isFree && (flow.breaker.state === 'open' || !isRemembered(entry)))) return undefined
  const crowded = !isFree && 2 * flow.waiting.size >= flow.spec.policy.maxInFlight
  if (wait < DEFER_FROM_MS && !crowded) return undefined
  const step = deferralStep(wait, flow.source.deferStepsMs)
  // It would come back before its time, and nobody would know.
  return step !== undefined && step < wait && !isRemembered(entry) ? undefined : step
}

const countFree = (flow: Flow, entry: Entry): void => {
  entry.tries += 1
  entry.freeSince ??= flow.tools.clock.monotonic()
}

const waitOf = (flow: Flow, entry: Entry, verdict: Verdict | undefined, report: Report): number => {
  if (verdict?.kind === 'untried') return waitFree(flow, entry, verdict.retryAfterMs)
  if (verdict?.kind !== 'failed') return 0
  charge(flow, entry, verdict.error, report)
  entry.tries += 1
  entry.freeSince = undefined
  const { policy } = flow.spec
  const wait = delayMs(
    { tries: entry.tries, charge: 'charged', retryAfterMs: verdict.retryAfterMs },
    policy.backoff,
    flow.tools.random(),
  )
  rememberAttempts(flow, entry, wait)
  return wait
}

const waitFree = (flow: Flow, entry: Entry, retryAfterMs: number | undefined): number => {
  countFree(flow, entry)
  return delayMs({ tries: entry.tries, charge: 'free', retryAfterMs }, flow.spec.policy.backoff, flow.tools.random())
}

/** Long waits go to the source where nothing has to follow the record; short ones, and those in an order, stay here. */
const putBackOrDefer = (flow: Flow, waits: readonly (readonly [Entry, number])[]): void => {
  const now = flow.tools.clock.monotonic()
  const staying = waits.filter(([entry, wait]) => {
    const step = entry.scope.name === null ? deferral(flow, entry, wait) : undefined
    if (step === undefined) return true
    // It stands alone in its scope, which says for how long it was to wait.
    entry.scope.blockedUntil = now + wait
    giveBack(flow, entry, step)
    return false
  })
  flow.counters.retried += waits.filter(([, wait]) => wait > 0).length
  flow.waiting.putBack(staying.map(([entry]) => entry))
  // Where a scope's records failed together they run together again, none of them before its own time.
  const waitOfScope = new Map<Scope, number>()
  for (const [{ scope }, wait] of staying) waitOfScope.set(scope, Math.max(wait, waitOfScope.get(scope) ?? 0))
  for (const [scope, wait] of waitOfScope) if (wait > 0) flow.waiting.block(scope, now + wait)
  for (const [entry, wait] of staying) if (wait >= GIVE_BACK_FROM_MS) giveBackBehind(flow, entry)
}
