/** How a request ends: whoever waits for it is told, once, and the breaker hears what that says of the function. */
import type { Delivery, Settlement } from '../../contract.ts'
import type { Report } from '../../engine/contract.ts'
import { errorInfo, MillraceError } from '../../errors.ts'
import { afterFailure, afterInitFailure, afterSuccess, type Breaker } from '../breaker.ts'
import { observe } from '../events.ts'
import type { RequestFlow, Taken } from './flow.ts'
import { type RequestVerdict, requestVerdict } from './verdict.ts'

/** Nobody knows when there is room: long enough to be no hot loop. */
export const BUSY_RETRY_MS = 1_000

/** Settles a request that ran. */
export const conclude = (flow: RequestFlow, taken: Taken, report: Report): void => {
  const verdict = isLate(flow, taken.delivery, report) ? LATE : requestVerdict(report.outcome)
  flow.counters.invocations += 1
  turnBreaker(flow, taken, report, verdict)
  note(flow, verdict, report)
  settle(flow, taken.delivery, settlementOf(flow, taken.delivery, verdict))
}

/** The caller was told at the deadline, which aborted what ran: that is a failure of the function all the same. */
const isLate = ({ tools }: RequestFlow, { deadline }: Delivery, { outcome }: Report): boolean =>
  outcome.kind === 'aborted' && deadline !== undefined && tools.clock.now() >= deadline

const LATE: RequestVerdict = {
  kind: 'failed',
  reason: new MillraceError('FUNCTION_TIMEOUT', 'the function had not answered at the deadline of its request'),
  proof: 'failure',
}

/** Nothing was tried; it may be worth to come again after `delayMs`. */
export const giveBack = (flow: RequestFlow, delivery: Delivery, delayMs: number): void =>
  settle(flow, delivery, { delivery, outcome: 'deferred', attempts: 0, delayMs })

/** Its body is not what the channel takes; the function has not seen it. */
export const refuse = (flow: RequestFlow, delivery: Delivery, reason: MillraceError): void =>
  settle(flow, delivery, { delivery, outcome: 'rejected', reason })

const settlementOf = (flow: RequestFlow, delivery: Delivery, verdict: RequestVerdict): Settlement => {
  if (verdict.kind === 'answered') return { delivery, outcome: 'accepted', result: verdict.value }
  if (verdict.kind === 'failed') return { delivery, outcome: 'rejected', reason: verdict.reason }
  const delayMs = verdict.delayMs ?? msToProbe(flow) ?? BUSY_RETRY_MS
  return { delivery, outcome: 'deferred', attempts: 0, delayMs }
}

/** Milliseconds until the open breaker lets a request through; undefined where it is closed. */
export const msToProbe = ({ breaker, tools }: RequestFlow): number | undefined =>
  breaker.state === 'open' ? Math.max(0, breaker.probeAt - tools.clock.monotonic()) : undefined

const settle = (flow: RequestFlow, delivery: Delivery, settlement: Settlement): void => {
  const { spec, tools, counters } = flow
  // To try again would be to answer twice: whoever asked comes again by himself.
  const unanswered = (thrown: unknown): void =>
    tools.log.warn('a request could not be answered', { request: delivery.record.id, error: errorInfo(thrown) })
  if (delivery.lost.aborted) counters.lost += 1
  else if (settlement.outcome === 'accepted') counters.accepted += 1
  else if (settlement.outcome === 'deferred') counters.released += 1
  observe('settled', () => ({ mapping: spec.name, record: delivery.record, outcome: settlement.outcome }))
  flow.source.settle([settlement]).then(([unsettled]) => {
    if (unsettled) unanswered(unsettled.error)
  }, unanswered)
}

const turnBreaker = (flow: RequestFlow, taken: Taken, report: Report, verdict: RequestVerdict): void => {
  const before = flow.breaker
  flow.breaker = nextBreaker(flow, taken, report, verdict)
  const { breaker, spec, tools } = flow
  if (breaker.state === before.state) return
  const cause = breaker.state === 'open' ? breaker.cause : 'success'
  tools.log.warn(
    breaker.state === 'open'
      ? 'breaker opened: callers are told to come again, single requests probe the function'
      : 'breaker closed',
    { cause },
  )
  observe('breaker', () => ({ mapping: spec.name, state: breaker.state, cause }))
}

const nextBreaker = (
  flow: RequestFlow,
  { delivery, kind }: Taken,
  { outcome }: Report,
  verdict: RequestVerdict,
): Breaker => {
  const { breaker: policy } = flow.spec.policy
  const now = flow.tools.clock.monotonic()
  if (verdict.kind === 'answered') return afterSuccess(flow.breaker)
  // What ran when the breaker opened says nothing new.
  if (flow.breaker.state === 'open' && kind === 'ordinary') return flow.breaker
  if (outcome.kind === 'not-ready') return afterInitFailure(flow.breaker, policy, now)
  if (verdict.kind === 'failed' && verdict.proof === 'failure')
    return afterFailure(flow.breaker, [delivery.record.id], policy, now)
  // What says "never" of a request works; what has no room has shown nothing, and a probe wanted to know.
  if (verdict.kind === 'failed') return flow.breaker.state === 'open' ? afterSuccess(flow.breaker) : flow.breaker
  return flow.breaker.state === 'open' && outcome.kind !== 'aborted'
    ? afterFailure(flow.breaker, [], policy, now)
    : flow.breaker
}

/** The caller is told no more than that something went wrong: what it was is in the log. */
const note = (flow: RequestFlow, verdict: RequestVerdict, { outcome, durationMs, environment }: Report): void => {
  const { counters, spec, tools } = flow
  if (verdict.kind === 'answered') {
    flow.healthy = true
    return
  }
  const error = verdict.kind === 'failed' ? verdict.reason : verdict.error
  if (!error) return
  flow.lastError = error
  if (outcome.kind === 'throttled') return
  counters.failedInvocations += 1
  if (outcome.kind === 'not-ready') flow.healthy = false
  const told = 'error' in outcome ? outcome.error : error
  const fields = { function: spec.functionName, environment, durationMs: Math.round(durationMs), error: told }
  if (outcome.kind === 'not-ready') tools.log.error('the function is not ready; callers are told to come again', fields)
  else tools.log.warn('a request failed', fields)
}
