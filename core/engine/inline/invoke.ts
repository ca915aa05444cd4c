/** One invocation in the host's own process. Exactly one outcome, whatever the handler does afterwards. */
import type { Clock } from '../../clock.ts'
import { checkedText } from '../../event/text.ts'
import { isPlainAnswer } from '../../function/answer.ts'
import { functionConsumer } from '../../idempotency/offered.ts'
import type { Log } from '../../log.ts'
import type { FunctionSpec, Host, Invocation, Outcome } from '../contract.ts'
import { ABORT_GRACE_MS, ABORTED, timedOut } from '../outcomes.ts'
import { answerText } from '../runtime/answer.ts'
import { createContext, invocationOver, type Place } from '../runtime/context.ts'
import type { LoadedFunction } from '../runtime/load.ts'
import { type RunResult, runInvocation } from '../runtime/run.ts'

export interface InlineParts {
  readonly spec: FunctionSpec
  readonly place: Place
  readonly clock: Clock
  readonly log: Log
  readonly host: Host
}

export interface InlineInvocation {
  readonly outcome: Promise<Outcome>
  /** Aborts `context.signal` and, if the handler has not ended within the grace, gives it up. */
  abort(reason: unknown, graceMs: number): void
  /** True once there is an outcome while the handler still runs. */
  abandoned(): boolean
}

export const startInline = (parts: InlineParts, loaded: LoadedFunction, invocation: Invocation): InlineInvocation => {
  const { spec, clock } = parts
  const controller = new AbortController()
  let aborted = false
  let ended = false
  let cancelTimer = clock.after(spec.timeoutMs, () => {
    signalAbort(new DOMException('the function ran past its timeout', 'TimeoutError'))
    settle(timedOut(spec, 'inline isolation cannot stop it, its answer will be ignored'))
  })
  let settle: (outcome: Outcome) => void = () => {}

  const signalAbort = (why: unknown): void => {
    aborted = true
    controller.abort(why)
  }
  const abort = (why: unknown, graceMs: number): void => {
    if (aborted || ended) return
    signalAbort(why)
    cancelTimer()
    cancelTimer = clock.after(graceMs, () => settle(ABORTED))
  }
  const onAbort = (): void => abort(invocation.signal.reason, Math.min(ABORT_GRACE_MS, spec.timeoutMs))

  const context = createContext({
    place: parts.place,
    request: invocation,
    deadline: clock.now() + spec.timeoutMs,
    clock,
    signal: controller.signal,
    log: parts.log,
    keys: mapping => {
      const store = parts.host.keys?.(mapping)
      return store && { consumer: functionConsumer(parts.place.app, mapping), store, clock }
    },
    send: (address, records) =>
      ended || aborted ? Promise.reject(invocationOver(spec.name)) : parts.host.send(address, records),
  })
  const outcome = new Promise<Outcome>(resolve => {
    settle = result => {
      cancelTimer()
      invocation.signal.removeEventListener('abort', onAbort)
      resolve(result)
    }
    invocation.signal.addEventListener('abort', onAbort, { once: true })
    runInvocation(loaded, {
      request: invocation,
      context,
      readText: checkedText,
      stream: invocation.stream,
    }).then(result => {
      ended = true
      settle(aborted ? ABORTED : outcomeOf(result))
    })
  })
  return { outcome, abort, abandoned: () => !ended }
}

const outcomeOf = (result: RunResult): Outcome => {
  if (result.kind !== 'answered') return result
  const { value, refused } = result
  if (value === undefined || value === null) return { kind: 'answered', value: null, refused }
  if (typeof value === 'object' && isPlainAnswer(value)) return { kind: 'answered', value, refused }
  const answer = answerText(value)
  return answer.error
    ? { kind: 'failed', error: answer.error, refused }
    : { kind: 'answered', value: answer.text === undefined ? null : JSON.parse(answer.text), refused }
}
