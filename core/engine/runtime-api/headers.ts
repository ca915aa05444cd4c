/** What a runtime is told beside the event: Lambda's headers. */
import { createHash } from 'node:crypto'
import type { Invocation } from '../contract.ts'
import { functionArn, type Place } from '../runtime/context.ts'

/** `deadline`: milliseconds since the epoch. */
export const requestHeaders = (
  requestId: string,
  { mapping, channel, order }: Invocation,
  place: Place,
  deadline: number,
): Readonly<Record<string, string>> => ({
  'Lambda-Runtime-Aws-Request-Id': requestId,
  'Lambda-Runtime-Deadline-Ms': String(Math.round(deadline)),
  'Lambda-Runtime-Invoked-Function-Arn': functionArn(place.functionName),
  'Lambda-Runtime-Trace-Id': traceId(requestId, deadline),
  // What Lambda's runtimes hand on as context.clientContext.
  'Lambda-Runtime-Client-Context': asciiJson({ custom: { mapping, channel, order } }),
})

/** In the form of X-Ray; the same for the same request. */
const traceId = (requestId: string, time: number): string => {
  const hash = createHash('sha256').update(requestId).digest('hex')
  const seconds = Math.floor(time / 1_000)
    .toString(16)
    .padStart(8, '0')
  return `Root=1-${seconds}-${hash.slice(0, 24)};Parent=${hash.slice(24, 40)};Sampled=0`
}

/** A header carries no other characters. */
const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
