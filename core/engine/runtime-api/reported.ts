/** An error as a runtime reports it, AWS's `{ errorType, errorMessage, stackTrace }`, as the house's. */
import { functionError } from '../../function/errors.ts'
import type { FunctionError } from '../contract.ts'

export interface Reported {
  /** The header `Lambda-Runtime-Function-Error-Type`; the empty string for none. */
  readonly type: string
  readonly body: Uint8Array
}

/**
 * Never throws: what is no such object is the message as it stands. An errorType of `NotRetryable` parks the record at
 * once, one of `RetryAfter` with a number as `retryAfterMs` puts it off, as the errors of these names do in Node.
 */
export const reportedError = ({ type, body }: Reported): FunctionError => {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  const { errorType, errorMessage, stackTrace, trace, retryAfterMs } = membersOf(text)
  const error = new Error(textOf(errorMessage) ?? (text === '' ? 'the function failed and gave no error' : text))
  const stack = stackOf(stackTrace) ?? stackOf(trace)
  Object.assign(error, { name: textOf(errorType) ?? (type === '' ? 'FunctionFailed' : type), stack, retryAfterMs })
  return functionError(error)
}

interface Members {
  readonly errorType?: unknown
  readonly errorMessage?: unknown
  readonly stackTrace?: unknown
  /** What the runtime of Node calls it. */
  readonly trace?: unknown
  readonly retryAfterMs?: unknown
}

const membersOf = (text: string): Members => {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    // Not JSON: then the text itself is all there is to tell.
    return {}
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

/** Lines of text, or frames as the runtime of Go has them. */
const stackOf = (value: unknown): string | undefined => {
  if (!Array.isArray(value) || value.length === 0) return undefined
  return value.map(frameText).join('\n')
}

const frameText = (frame: unknown): string => {
  if (typeof frame === 'string') return frame.trimEnd()
  const { path, line, label } = (frame ?? {}) as {
    readonly path?: unknown
    readonly line?: unknown
    readonly label?: unknown
  }
  return path === undefined ? JSON.stringify(frame) : `    at ${label} (${path}:${line})`
}
