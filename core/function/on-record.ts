/** A handler that takes one record at a time: a throw fails that record and no other. */
import { keyText } from '../values.ts'
import { type Answer, type BatchItemFailure, plainAnswer } from './answer.ts'
import type { FunctionContext } from './context.ts'
import { functionError } from './errors.ts'
import { type Channels, type DataOfAny, type Handler, markHandler } from './handler.ts'
import type { Batch, FunctionRecord } from './record.ts'

export interface OnRecordOptions {
  /** Records of a batch that may be under way at once, 1 or more. Default: 1. Records of one key keep their order. */
  readonly concurrency?: number
}

type HandleRecord<Data> = (record: FunctionRecord<Data>, context: FunctionContext) => unknown

/**
 * Calls `handle` for each record and answers with those it threw for. What it returns is ignored. With the mapping's
 * order `lane` nothing after the first failure is tried, with `key` no later record of the failed key: the flow tries
 * them again in their order. An aborted `context.signal` ends the batch before its next record.
 */
export const onRecord = <const C extends Channels>(
  channels: C,
  handle: HandleRecord<DataOfAny<C>>,
  options: OnRecordOptions = {},
): Handler<DataOfAny<C>> => {
  const concurrency = options.concurrency ?? 1
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new TypeError(`onRecord: concurrency must be a whole number of 1 or more, got ${String(concurrency)}`)
  return markHandler<DataOfAny<C>>(channels, (batch, context) =>
    concurrency === 1 || context.order === 'lane'
      ? inSequence(batch, handle, context)
      : inParallel(batch, handle, context, concurrency),
  )
}

const inSequence = async <Data>(
  batch: Batch<Data>,
  handle: HandleRecord<Data>,
  context: FunctionContext,
): Promise<Answer> => {
  const failures: BatchItemFailure[] = []
  await runChain(batch, handle, context, failures)
  return failures.length === 0 ? undefined : plainAnswer(failures)
}

/** Adds what failed to `failures`, which several chains may share. */
const runChain = async <Data>(
  batch: Batch<Data>,
  handle: HandleRecord<Data>,
  context: FunctionContext,
  failures: BatchItemFailure[],
): Promise<void> => {
  const blocked = new Set<string>()
  for (const record of batch) {
    if (blocked.size > 0 && blocked.has(keyText(record.key) ?? '')) continue
    context.signal.throwIfAborted()
    try {
      await handle(record, context)
    } catch (thrown) {
      failures.push(failureOf(record, thrown, failures.length))
      if (context.order === 'lane') break
      if (context.order === 'key' && record.key !== null) blocked.add(keyText(record.key) ?? '')
    }
  }
}

/** Records of one key are one chain, run in order; chains run side by side. */
const inParallel = async <Data>(
  batch: Batch<Data>,
  handle: HandleRecord<Data>,
  context: FunctionContext,
  concurrency: number,
): Promise<Answer> => {
  const chains = chainsOf(batch)
  const failures: BatchItemFailure[] = []
  const next = chains.values()
  const runner = async (): Promise<void> => {
    for (const chain of next) await runChain(chain, handle, context, failures)
  }
  const outcomes = await Promise.allSettled(Array.from({ length: Math.min(concurrency, chains.length) }, runner))
  const aborted = outcomes.find(outcome => outcome.status === 'rejected')
  if (aborted) throw aborted.reason
  return failures.length === 0 ? undefined : plainAnswer(failures)
}

const chainsOf = <Data>(batch: Batch<Data>): Batch<Data>[] => {
  const chains: FunctionRecord<Data>[][] = []
  const byKey = new Map<string, FunctionRecord<Data>[]>()
  for (const record of batch) {
    const key = keyText(record.key)
    const chain = key === null ? undefined : byKey.get(key)
    if (chain) chain.push(record)
    else {
      const fresh = [record]
      chains.push(fresh)
      if (key !== null) byKey.set(key, fresh)
    }
  }
  return chains
}

/** An answer has a limit: beyond this many failures, errors are kept short so that all of them fit. */
const FULL_ERRORS = 100
const SHORT_MESSAGE_CHARS = 200

const failureOf = (record: FunctionRecord, thrown: unknown, before: number): BatchItemFailure => {
  const { retryable, retryAfterMs, ...error } = functionError(thrown)
  return {
    itemIdentifier: record.id,
    error: before < FULL_ERRORS ? error : { name: error.name, message: error.message.slice(0, SHORT_MESSAGE_CHARS) },
    ...(retryable === undefined ? {} : { retryable }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}
