/** One mapping as written, with its source, function and dead letter channels found and its policy complete. */

import type { StartPosition } from '../contract.ts'
import type { EventFormat } from '../engine/contract.ts'
import { eventHolds } from '../event/foreign.ts'
import type { Policy } from '../flow/policy.ts'
import { type HandlerMark, markOf } from '../function/handler.ts'
import type { AnyChannel, Channel } from './channel.ts'
import { type ChannelBook, codecName, isChannel } from './channel-book.ts'
import { fromHandler, functionOptions, type ResolvedFunction } from './function-options.ts'
import { linkOptions, type PolicyValues, policyOptions } from './mapping-options.ts'
import { defaultsOf, isPlainObject, join, parseOptions, suggestion, unknownNames } from './options.ts'
import { type Problem, show } from './problem.ts'
import { notForRequests, requestPolicyOf } from './request-options.ts'
import type { Candidate } from './rules.ts'

export interface MappingSurroundings {
  readonly appName: string
  readonly book: ChannelBook
  /** The functions of the configuration; a handler given directly is added under the mapping's name. */
  readonly functions: Map<string, ResolvedFunction>
  /** Those that were declared by name. */
  readonly functionNames: readonly string[]
  readonly defaults: PolicyValues
}

const options = { ...linkOptions, ...policyOptions }

/** Undefined when something is wrong with it that leaves nothing to apply rules to; every problem is noted. */
export const resolveMapping = (
  name: string,
  written: unknown,
  around: MappingSurroundings,
  problems: Problem[],
): Candidate | undefined => {
  const path = join('mappings', name)
  const parsed = parseOptions(options, written, path, { ...defaultsOf(linkOptions), ...around.defaults })
  if ('problems' in parsed) problems.push(...parsed.problems)
  if (!isPlainObject(written)) return undefined
  const reading = readSource(written.source, `${path}.source`, around.book, problems)
  const format = 'problems' in parsed ? undefined : parsed.value.format
  const wrongFunction = functionProblem(
    name,
    written.function,
    { source: reading?.channel, format },
    around.functionNames,
  )
  if (wrongFunction !== undefined) problems.push({ path: `${path}.function`, message: wrongFunction })
  const keeper = 'problems' in parsed ? undefined : parsed.value.idempotency?.store
  if (keeper) around.book.enterConnection(keeper, `${path}.idempotency.store`)
  const to = readDestinations(written.deadLetters, `${path}.deadLetters.to`, around.book)
  if (!reading || wrongFunction !== undefined || 'problems' in parsed) return undefined
  const functionName = nameFunction(name, written.function, around.functions)
  const { channel, group, start } = reading
  const takesRequests = channel.retries === 'caller'
  if (takesRequests) problems.push(...notForRequests(written, path))
  return {
    asked: { group, start, batchSize: written.batchSize },
    mapping: {
      name,
      channel,
      group: group ?? `${around.appName}.${name}`,
      start: start ?? 'earliest',
      functionName,
      codec: codecName(channel),
      format: parsed.value.format,
      deadLetters: { to, format: parsed.value.deadLetters.format },
      enabled: parsed.value.enabled,
      ...(parsed.value.filter ? { filter: parsed.value.filter } : {}),
      ...(parsed.value.idempotency ? { idempotency: parsed.value.idempotency } : {}),
      policy: policyOf(parsed.value, channel, batchSizeOf(parsed.value, channel)),
      ...(takesRequests ? { requests: requestPolicyOf(parsed.value, written) } : {}),
    },
  }
}

interface FoundReading {
  readonly channel: AnyChannel
  readonly group: string | undefined
  readonly start: StartPosition | undefined
}

const readSource = (
  source: unknown,
  path: string,
  book: ChannelBook,
  problems: Problem[],
): FoundReading | undefined => {
  if (source === undefined) {
    problems.push({ path, message: 'is missing; name the channel to read' })
    return undefined
  }
  if (isChannel(source) || !isPlainObject(source) || !('channel' in source)) {
    const channel = book.enter(source, path)
    return channel && { channel, group: undefined, start: undefined }
  }
  const { channel: of, group, start } = source
  const wrong = [
    ...unknownNames(source, ['channel', 'group', 'start'], path),
    ...groupProblems(group, path),
    ...startProblems(start, path),
  ]
  problems.push(...wrong)
  const channel = book.enter(of, path)
  if (!channel || wrong.length > 0) return undefined
  return { channel, group: group as string | undefined, start: start as StartPosition | undefined }
}

const GROUP = /^[^\p{C}]{1,255}$/u

const groupProblems = (group: unknown, path: string): readonly Problem[] =>
  group === undefined || (typeof group === 'string' && GROUP.test(group))
    ? []
    : [{ path: `${path}.group`, message: `must be 1 to 255 printable characters, got ${show(group)}` }]

const startProblems = (start: unknown, path: string): readonly Problem[] =>
  start === undefined ||
  start === 'earliest' ||
  start === 'latest' ||
  (typeof start === 'number' && Number.isFinite(start) && start >= 0)
    ? []
    : [
        {
          path: `${path}.start`,
          message: `must be 'earliest', 'latest', a Date or milliseconds since the epoch, got ${show(start)}`,
        },
      ]

/** What a mapping gives to its function, as far as it is known. */
interface Reads {
  readonly source: AnyChannel | undefined
  readonly format: EventFormat | undefined
}

/** What a message says of a mapping's function; undefined when it is right. */
const functionProblem = (
  mapping: string,
  value: unknown,
  reads: Reads,
  names: readonly string[],
): string | undefined => {
  if (value === undefined) return 'is missing; it must be the name of one of functions, or a handler'
  if (typeof value === 'string')
    return names.includes(value) ? undefined : `must name one of functions, got '${value}'; ${suggestion(value, names)}`
  if (typeof value !== 'function') return `must be the name of one of functions, or a handler, got ${show(value)}`
  if (names.includes(mapping))
    return `must not be a handler, because functions.${mapping} would have the same name; rename one`
  return unfitHandler(value, reads)
}

/** The name under which the engine knows it: a handler takes the mapping's. */
const nameFunction = (mapping: string, value: unknown, functions: Map<string, ResolvedFunction>): string => {
  if (typeof value === 'string') return value
  functions.set(mapping, fromHandler(mapping, value, defaultsOf(functionOptions)))
  return mapping
}

/** A handler knows the channels it was written for, whose records it decodes, and in which form it takes them. */
const unfitHandler = (handler: unknown, { source, format }: Reads): string | undefined => {
  const mark = markOf(handler)
  if (!mark) return undefined
  if (source && (mark.takes === 'request') !== (source.retries === 'caller') && mark.takes !== 'event')
    return mark.takes === 'request'
      ? `is made by onRequest, which is for channels of requests, and ${source.address} has records; use onRecord or onBatch`
      : `is made by onRecord or onBatch, which take records, and ${source.address} takes requests; use onRequest, or a plain function`
  if (format !== undefined && (mark.takes === 'event') !== (format !== 'millrace'))
    return mark.takes === 'event'
      ? `is made by onEvent, which takes events of other formats: write format: 'lambda' or 'cloudevents', or use ${source?.retries === 'caller' ? 'onRequest' : 'onRecord or onBatch'}`
      : `is made by ${madeBy(mark)}: leave out format: '${format}', or use onEvent`
  const written = mark.channels.map(channel => channel.address)
  if (!source || written.includes(source.address)) return undefined
  return `must be written for the mapping's source, ${source.address}; this handler is for ${written.join(', ')}`
}

const madeBy = ({ takes }: HandlerMark): string =>
  takes === 'request'
    ? "onRequest, which takes requests in Millrace's own form"
    : "onRecord or onBatch, which take Millrace's own records"

const readDestinations = (written: unknown, path: string, book: ChannelBook): readonly Channel[] => {
  const to = isPlainObject(written) ? written.to : undefined
  if (to === undefined) return []
  return (Array.isArray(to) ? to : [to]).flatMap(value => book.enterTarget(value, path) ?? [])
}

/** One where an event of the format is one record; that another was asked for is told by the rules. */
const batchSizeOf = ({ batchSize, format }: PolicyValues, channel: AnyChannel): number =>
  eventHolds(format, channel) === 'one' ? 1 : batchSize

export const policyOf = (values: PolicyValues, channel: AnyChannel, batchSize: number): Policy => ({
  order: values.order ?? (channel.ordered === true ? 'lane' : 'none'),
  batchSize,
  batchWindowMs: values.batchWindow,
  batchBytes: values.batchBytes,
  maxConcurrency: values.maxConcurrency,
  maxInFlight: values.maxInFlight ?? 2 * batchSize * values.maxConcurrency,
  maxInFlightBytes: values.maxInFlightBytes,
  maxAttempts: values.maxAttempts,
  maxAgeMs: values.maxAge,
  maxFreeWaitMs: values.maxFreeWait,
  backoff: {
    initialMs: values.backoff.initial,
    factor: values.backoff.factor,
    maxMs: values.backoff.max,
    jitter: values.backoff.jitter,
  },
  bisect: values.bisect,
  breaker: {
    failures: values.breaker.failures,
    initialMs: values.breaker.initial,
    maxMs: values.breaker.max,
  },
  onDeadLetter: values.onDeadLetter,
  notRetryable: values.notRetryable,
  drainTimeoutMs: values.drainTimeout,
  settleTimeoutMs: values.settleTimeout,
})
