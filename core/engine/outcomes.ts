/** The outcomes that an environment decides and not the function; each says what happened, what was expected, what to do. */
import type { ErrorCode } from '../errors.ts'
import type { FunctionSpec, Outcome, RefusedRecord } from './contract.ts'

const NONE: readonly RefusedRecord[] = []

export const ABORTED: Outcome = { kind: 'aborted' }

/** How long a function whose `context.signal` was aborted may take to end by itself. */
export const ABORT_GRACE_MS = 1_000

export const failedWith = (
  name: string,
  code: ErrorCode,
  message: string,
  refused: readonly RefusedRecord[] = NONE,
): Outcome => ({ kind: 'failed', error: { name, code, message }, refused })

export const timedOut = (spec: Pick<FunctionSpec, 'name' | 'timeoutMs'>, what: string): Outcome =>
  failedWith(
    'FunctionTimeout',
    'FUNCTION_TIMEOUT',
    `functions.${spec.name}: not done after its timeout of ${spec.timeoutMs} ms; ${what}. Give it more (timeout), or smaller batches (batchSize)`,
  )

export const initTimedOut = (spec: Pick<FunctionSpec, 'name' | 'initTimeoutMs'>): string =>
  `functions.${spec.name}: not ready after ${spec.initTimeoutMs} ms (initTimeout); what its module does while it is imported did not finish: look for an await that waits for ever`

export const restoreTimedOut = (spec: Pick<FunctionSpec, 'name' | 'initTimeoutMs'>): string =>
  `functions.${spec.name}: not ready after ${spec.initTimeoutMs} ms (initTimeout); its afterRestore did not finish: look for an await that waits for ever`
