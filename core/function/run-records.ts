/** Records of a batch one by one, or side by side, as far as their order lets them. */
import { keyText } from '../values.ts'
import type { BatchItemFailure } from './answer.ts'
import { chainsByBoth, chainsByKey } from './chains.ts'
import type { FunctionContext } from './context.ts'
import { functionError, isUntried } from './errors.ts'
import type { FunctionRecord } from './record.ts'

export type Runnable = Pick<FunctionRecord, 'id' | 'key'>

export interface HowToRun<Record> {
  readonly concurrency: number
  readonly context: Pick<FunctionContext, 'order' | 'signal'>
  /** Those with the same run one after the other, as those of one key do. */
  readonly togetherBy?: ((record: Record) => string | undefined) | undefined
}

/**
 * Calls `handle` for each record; answers those it threw for. With order `lane` nothing after the first failure is tried,
 * with `key` no later record of the failed key. Rejects once `context.signal` is aborted.
 */
export const runRecords = async <Record extends Runnable>(
  batch: readonly Record[],
  handle: (record: Record) => unknown,
  { concurrency, context, togetherBy }: HowToRun<Record>,
): Promise<readonly BatchItemFailure[]> => {
  const failures: BatchItemFailure[] = []
  if (concurrency === 1 || context.order === 'lane') await runChain(batch, handle, context, failures)
  else {
    const chains = togetherBy ? chainsByBoth(batch, togetherBy) : chainsByKey(batch)
    await inParallel(chains, handle, context, concurrency, failures)
  }
  return failures
}

/** Adds what failed to `failures`, which several chains may share. */
const runChain = async <Record extends Runnable>(
  chain: readonly Record[],
  handle: (record: Record) => unknown,
  context: HowToRun<Record>['context'],
  failures: BatchItemFailure[],
): Promise<void> => {
  const blocked = new Set<string>()
  for (const record of chain) {
    if (blocked.size > 0 && blocked.has(keyText(record.key) ?? '')) continue
    context.signal.throwIfAborted()
    try {
      await handle(record)
    } catch (thrown) {
      failures.push(failureOf(record, thrown, failures.length))
      if (context.order === 'lane') break
      if (context.order === 'key' && record.key !== null) blocked.add(keyText(record.key) ?? '')
    }
  }
}

/** Each chain is run in order; chains run side by side. */
const inParallel = async <Record extends Runnable>(
  chains: readonly (readonly Record[])[],
  handle: (record: Record) => unknown,
  context: HowToRun<Record>['context'],
  concurrency: number,
  failures: BatchItemFailure[],
): Promise<void> => {
  const next = chains.values()
  const runner = async (): Promise<void> => {
    for (const chain of next) await runChain(chain, handle, context, failures)
  }
  const outcomes = await Promise.allSettled(Array.from({ length: Math.min(concurrency, chains.length) }, runner))
  const aborted = outcomes.find(outcome => outcome.status === 'rejected')
  if (aborted) throw aborted.reason
}

/** An answer has a limit: beyond this many failures, errors are kept short so that all of them fit. */
const FULL_ERRORS = 100
const SHORT_MESSAGE_CHARS = 200

export const failureOf = ({ id }: Pick<Runnable, 'id'>, thrown: unknown, before: number): BatchItemFailure => {
  const { retryable, retryAfterMs, ...error } = functionError(thrown)
  return {
    itemIdentifier: id,
    error: before < FULL_ERRORS ? error : { name: error.name, message: error.message.slice(0, SHORT_MESSAGE_CHARS) },
    ...(retryable === undefined ? {} : { retryable }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(isUntried(error.code) ? { untried: true } : {}),
  }
}

/** Throws a TypeError for what is no concurrency. */
export const checkConcurrency = (where: string, concurrency: unknown): void => {
  if (!Number.isInteger(concurrency) || (concurrency as number) < 1)
    throw new TypeError(`${where}: concurrency must be a whole number of 1 or more, got ${String(concurrency)}`)
}
