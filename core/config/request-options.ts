/** Which options of a mapping mean something where its source is a channel of requests, and what they come to. */
import type { RequestPolicy } from '../flow/requests/policy.ts'
import { linkOptions, type PolicyValues, type PolicyWritten } from './mapping-options.ts'
import { join } from './options.ts'
import type { Problem } from './problem.ts'

const FOR_REQUESTS = ['format', 'maxConcurrency', 'maxInFlight', 'breaker', 'drainTimeout', 'enabled'] as const

type ForRequests = (typeof FOR_REQUESTS)[number]

/** The others are forbidden by name: the compiler would take them from the other kind of mapping. */
export type RequestPolicyWritten = Pick<PolicyWritten, ForRequests> & {
  readonly [Name in Exclude<keyof PolicyWritten, ForRequests> | 'deadLetters']?: never
}

/** Requests under way at once that a mapping takes unless it is told otherwise. */
const MAX_IN_FLIGHT = 1_000

/** An option that is written and can do nothing is a misunderstanding: nothing retries, batches or parks a request. */
export const notForRequests = (written: Readonly<Record<string, unknown>>, path: string): readonly Problem[] => {
  const known: readonly string[] = [...FOR_REQUESTS, 'source', 'function']
  const others = Object.keys({ ...linkOptions, ...written }).filter(
    name => written[name] !== undefined && !known.includes(name),
  )
  return others.map(name => ({
    path: join(path, name),
    message: `is not for requests, which are tried once, alone, and whose callers retry; options for them are ${FOR_REQUESTS.join(', ')}`,
  }))
}

/** `maxConcurrency` has a default for batches, which is not meant for requests: environments are their limit. */
export const requestPolicyOf = (
  values: PolicyValues,
  written: Pick<PolicyWritten, 'maxConcurrency' | 'maxInFlight'>,
): RequestPolicy => ({
  maxConcurrency: written.maxConcurrency === undefined ? Number.POSITIVE_INFINITY : values.maxConcurrency,
  maxInFlight: written.maxInFlight === undefined ? MAX_IN_FLIGHT : (values.maxInFlight ?? MAX_IN_FLIGHT),
  breaker: { failures: values.breaker.failures, initialMs: values.breaker.initial, maxMs: values.breaker.max },
  drainTimeoutMs: values.drainTimeout,
})
