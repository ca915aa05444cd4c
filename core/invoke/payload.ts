/** The event of an invocation as bytes, and what is said of one that cannot be taken. */
import { asyncAddress } from '../config/async.ts'
import type { ResolvedConfig } from '../config/resolved.ts'
import { MillraceError } from '../errors.ts'

/** What AWS takes of an event that nobody waits for. */
export const MAX_ASYNC_BYTES = 1_048_576

/** Throws what JSON.stringify throws. */
export const payloadOf = (event: unknown): Uint8Array =>
  event instanceof Uint8Array ? event : Buffer.from(JSON.stringify(event ?? {}))

/** Throws SEND_INVALID for more than 1 MB, and for bytes that are no JSON: nobody would be there to be told later. */
export const asyncPayload = (functionName: string, event: unknown): Uint8Array => {
  const payload = payloadOf(event)
  const where = `the event for functions.${functionName}`
  if (payload.byteLength > MAX_ASYNC_BYTES)
    throw new MillraceError(
      'SEND_INVALID',
      `${where} must have at most ${MAX_ASYNC_BYTES} bytes to be invoked asynchronously, got ${payload.byteLength}`,
    )
  try {
    if (payload.byteLength > 0) JSON.parse(Buffer.from(payload).toString('utf8'))
  } catch (cause) {
    throw new MillraceError('SEND_INVALID', `${where} must be JSON`, { cause })
  }
  return payload
}

/** Why a function cannot be invoked asynchronously. */
export const notAsync = (
  functionName: string,
  { functions, channels }: Pick<ResolvedConfig, 'functions' | 'channels'>,
): MillraceError => {
  if (functions.has(functionName))
    return new MillraceError(
      'FUNCTION_NOT_FOUND',
      `functions.${functionName} cannot be invoked asynchronously; give it async: true`,
    )
  const known = [...functions.keys()].filter(name => channels.has(asyncAddress(name))).join(', ') || 'none'
  return new MillraceError(
    'FUNCTION_NOT_FOUND',
    `functions.${functionName}: no such function is configured; those that can be invoked asynchronously: ${known}`,
  )
}
