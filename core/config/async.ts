/**
 * Asynchronous invocation: events wait in a durable queue of the embedded broker, which a mapping of its own reads. So
 * retries, age, dead letters, replay and status are those of any other mapping.
 */

import type { AsyncValues } from './async-options.ts'
import type { Channel } from './channel.ts'
import type { ChannelBook } from './channel-book.ts'
import { channelValue } from './channel-value.ts'
import { policyOf } from './mapping.ts'
import { type PolicyValues, policyOptions } from './mapping-options.ts'
import { defaultsOf } from './options.ts'
import type { ResolvedMapping } from './resolved.ts'

/** No mapping of a user's has such a name: it has a colon. */
export const asyncMappingName = (functionName: string): string => `async:${functionName}`

/** Where an event for a function is sent. */
export const asyncAddress = (functionName: string): string => asyncQueue(functionName).address

const CONNECTION = 'millrace'

const asyncQueue = (functionName: string): Channel =>
  channelValue(
    { kind: 'embedded', name: CONNECTION, options: {} },
    `async.${functionName}`,
    {},
    {
      type: 'queue',
      ordered: false,
      positioned: false,
    },
  )

/** Undefined for a function that is not invoked asynchronously, or whose channels are wrong, which is noted in the book. */
export const asyncMapping = (
  functionName: string,
  { async, maxEnvironments }: { readonly async: AsyncValues | undefined; readonly maxEnvironments: number },
  path: string,
  book: ChannelBook,
): ResolvedMapping | undefined => {
  if (!async) return undefined
  const channel = book.enterTarget(asyncQueue(functionName), path)
  const entered = (written: unknown, option: string): readonly Channel[] =>
    [written ?? []].flat().flatMap(value => book.enterTarget(value, `${path}.async.${option}`) ?? [])
  const onSuccess = entered(async.onSuccess, 'onSuccess')
  const onFailure = entered(async.onFailure, 'onFailure')
  if (!channel) return undefined
  const written: PolicyValues = defaultsOf(policyOptions)
  return {
    name: asyncMappingName(functionName),
    channel,
    group: asyncMappingName(functionName),
    start: 'earliest',
    functionName,
    codec: 'json',
    format: 'direct',
    deadLetters: { to: onFailure, format: 'record' },
    answers: { to: onSuccess, format: async.format },
    enabled: true,
    policy: policyOf(
      {
        ...written,
        maxConcurrency: maxEnvironments,
        maxAttempts: async.maxAttempts,
        maxAge: async.maxAge,
        backoff: { ...written.backoff, initial: async.retryDelay, jitter: 'none' },
      },
      channel,
      1,
    ),
  }
}
