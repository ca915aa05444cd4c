/** What an invocation says of the function's health: the breaker, and whether the mapping is healthy. */
import { MillraceError } from '../errors.ts'
import { afterFailure, afterInitFailure, afterSuccess, type Breaker } from './breaker.ts'
import type { Judged } from './conclude.ts'
import { observe } from './events.ts'
import type { Batch, Flow } from './flow.ts'
import type { Judgement } from './outcome.ts'

/** Keeps the last error where the status shows it, and says it in the log. */
export const noteHealth = (flow: Flow, judgement: Judgement): void => {
  if (judgement.succeeded) flow.healthy = true
  if (!judgement.error) return
  if (judgement.batch === 'throttled') {
    flow.lastError = new MillraceError('FUNCTION_THROTTLED', judgement.error.message)
    flow.tools.log.info('the function has no room; nothing is charged', {
      function: flow.spec.functionName,
      retryAfterMs: judgement.retryAfterMs,
    })
    return
  }
  flow.counters.failedInvocations += 1
  if (judgement.batch === 'not-ready') {
    flow.healthy = false
    flow.lastError = new MillraceError('FUNCTION_INIT_FAILED', judgement.error.message)
    flow.tools.log.error('the function is not ready; nothing is charged', {
      function: flow.spec.functionName,
      error: judgement.error,
    })
  } else {
    flow.lastError = new MillraceError('FUNCTION_FAILED', `${judgement.error.name}: ${judgement.error.message}`)
    flow.tools.log.warn('a batch failed as a whole', {
      records: judgement.verdicts.length,
      outcome: judgement.batch,
      error: judgement.error,
    })
  }
}

/** Opens or closes the breaker, and says so when it turned. */
export const turnBreaker = (flow: Flow, batch: Batch, judged: readonly Judged[], judgement: Judgement): void => {
  const before = flow.breaker
  flow.breaker = nextBreaker(flow, batch, judged, judgement)
  if (flow.breaker.state === before.state) return
  const { state } = flow.breaker
  flow.openTime.turned(state, flow.tools.clock.now())
  const cause = flow.breaker.state === 'open' ? flow.breaker.cause : 'success'
  flow.tools.log.warn(
    state === 'open' ? 'breaker opened: reading stops, single records probe the function' : 'breaker closed',
    { cause },
  )
  observe('breaker', () => ({ mapping: flow.spec.name, state, cause }))
}

const nextBreaker = (flow: Flow, batch: Batch, judged: readonly Judged[], judgement: Judgement): Breaker => {
  const { breaker } = flow.spec.policy
  const now = flow.tools.clock.monotonic()
  if (judgement.succeeded) return afterSuccess(flow.breaker)
  if (judgement.batch === 'not-ready') return afterInitFailure(flow.breaker, breaker, now)
  if (judgement.batch === 'backed-off') return afterFailure(flow.breaker, judged.map(idOf), breaker, now)
  // Having no room is no failure, but a probe wanted to know more.
  if (judgement.batch === 'throttled')
    return flow.breaker.state === 'open' ? afterFailure(flow.breaker, [], breaker, now) : flow.breaker
  if (judgement.batch !== 'done') return flow.breaker
  const failed = judged.filter(
    ([, verdict]) => verdict.kind === 'failed' || (verdict.kind === 'dead' && verdict.reason === 'exhausted'),
  )
  // A function that does not come to the one record of a probe has not shown that it works.
  const untriedProbe = flow.breaker.state === 'open' && judged.some(([, verdict]) => verdict.kind === 'untried')
  if (failed.length > 0 || untriedProbe) return afterFailure(flow.breaker, failed.map(idOf), breaker, now)
  // A function that says "never" of a record works, which is what a probe wanted to know.
  const decided = judged.some(([, verdict]) => verdict.kind === 'dead' && verdict.reason === 'not-retryable')
  return batch.kind === 'probe' && decided ? afterSuccess(flow.breaker) : flow.breaker
}

const idOf = ([entry]: Judged): string => entry.delivery.record.id
