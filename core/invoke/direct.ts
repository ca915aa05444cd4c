/** A function called by a person, a program or another function, who waits for its answer: one attempt, no retry. */
import type { Clock } from '../clock.ts'
import type { ErrorInfo } from '../contract.ts'
import type { Variant } from '../engine/canary.ts'
import type { FunctionError, Report, Throttled } from '../engine/contract.ts'
import type { FunctionEngine } from '../engine/engine.ts'
import { BUSY_RETRY_MS } from '../engine/throttled.ts'

export interface DirectInvocation {
  readonly functionName: string
  /** The event, as JSON; of no bytes it is `{}`. */
  readonly payload: Uint8Array
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal
  /** Default: a new one. */
  readonly requestId?: string
  /** Default: as the weight of the canary says. */
  readonly variant?: Variant
}

export type InvokeAnswer =
  /** `value`: what the function answered, as JSON carries it; null for nothing. */
  | { readonly kind: 'answered'; readonly value: unknown; readonly report: Report }
  /** The function threw, timed out or took its environment with it. */
  | { readonly kind: 'failed'; readonly error: FunctionError; readonly report: Report }
  /** Nothing ran: the function cannot be made ready, or takes records and no events. */
  | { readonly kind: 'not-ready'; readonly error: ErrorInfo; readonly report: Report }
  /** Nothing ran: the event is not JSON. */
  | { readonly kind: 'invalid'; readonly error: ErrorInfo; readonly report: Report }
  /** The caller has gone, or the app was stopped by force. */
  | { readonly kind: 'aborted'; readonly report: Report }
  /** Nothing ran: all environments are busy. */
  | { readonly kind: 'throttled'; readonly throttled: Throttled }

/** What a function sees as the mapping and the channel of a direct invocation. */
const DIRECT = 'direct'

/** Throws FUNCTION_NOT_FOUND; everything else is an answer. */
export const invokeDirect = async (
  engine: FunctionEngine,
  clock: Clock,
  { functionName, payload, signal, requestId = crypto.randomUUID(), variant }: DirectInvocation,
): Promise<InvokeAnswer> => {
  const slot = engine.tryAcquire(functionName, variant)
  if ('throttled' in slot) return { kind: 'throttled', throttled: slot }
  const now = clock.now()
  const report = await slot.invoke({
    requestId,
    mapping: DIRECT,
    channel: DIRECT,
    codec: 'json',
    hasSchema: false,
    events: { format: 'direct', place: DIRECT, name: functionName },
    order: 'none',
    records: [
      {
        record: {
          id: requestId,
          idStrength: 'stable',
          source: DIRECT,
          time: now,
          key: null,
          headers: [],
          body: payload,
        },
        attempt: 1,
        idempotencyKey: `${DIRECT}/${functionName}/${requestId}`,
        fence: now,
        firstSeen: now,
      },
    ],
    signal,
  })
  return answerOf(report)
}

const answerOf = (report: Report): InvokeAnswer => {
  const { outcome } = report
  if (outcome.kind === 'failed' || outcome.kind === 'not-ready')
    return { kind: outcome.kind, error: outcome.error, report }
  if (outcome.kind === 'aborted') return { kind: 'aborted', report }
  if (outcome.kind === 'throttled')
    return {
      kind: 'throttled',
      throttled: {
        throttled: 'function',
        message: outcome.error.message,
        retryAfterMs: outcome.retryAfterMs ?? BUSY_RETRY_MS,
      },
    }
  const [refused] = outcome.refused
  return refused
    ? { kind: 'invalid', error: refused.error, report }
    : { kind: 'answered', value: outcome.value ?? null, report }
}
