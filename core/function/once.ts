/** A batch in which each record runs once for its key, whichever way it came here. */
import { type Clock, systemClock } from '../clock.ts'
import { warnOfAge } from '../idempotency/age.ts'
import { type Granted, guardBatch } from '../idempotency/batch.ts'
import type { IdempotencyKey } from '../idempotency/key.ts'
import { offeredBy } from '../idempotency/offered.ts'
import { type KeyPath, readerOf } from '../idempotency/path.ts'
import { type IdempotencyTimes, type OnStoreError, policyOf } from '../idempotency/policy.ts'
import type { IdempotencyStore } from '../idempotency-store.ts'
import { silentLog } from '../log.ts'
import { ownerToText, thisProcess } from '../owner.ts'
import type { BatchItemFailure } from './answer.ts'
import type { FunctionContext } from './context.ts'
import { failureOf, type Runnable, runRecords } from './run-records.ts'

export interface BatchIdempotency<Record> extends IdempotencyTimes {
  /** Tells what is the same: `record.id`, a path like `data.order.id`, or a function. One that is missing parks the record. */
  readonly key: KeyOf<Record>
  /**
   * What has to be the same when the key is: the record's data (`true`, the default), what this returns of it, or nothing
   * (`false`). A record with another payload is parked.
   */
  readonly validate?: boolean | ((record: Record) => unknown)
  /** Default: the app's, through the host. */
  readonly store?: IdempotencyStore
  /** When the store cannot be asked. Default: `fail`, which has the records come again, free of charge. */
  readonly onStoreError?: OnStoreError
}

/** A path for records of Millrace's own form; others have a function. */
export type KeyOf<Record> =
  | ((record: Record) => IdempotencyKey | null | undefined)
  | (Record extends { readonly headers: readonly unknown[]; readonly data: unknown } ? KeyPath : never)

export interface Guarded<Record> extends BatchIdempotency<Record> {
  /** Where the options stand, for messages. */
  readonly where: string
  readonly payload: (record: Record) => unknown
  /** Milliseconds since the epoch; undefined where nobody knows. */
  readonly time: (record: Record) => number | undefined
}

export interface OnceParts {
  readonly concurrency: number
  readonly context: Pick<FunctionContext, 'order' | 'signal'> & Partial<FunctionContext>
  /** Where the host offers none. */
  readonly consumer: string
}

/** A function is killed at its deadline, so its claims are held for a little longer. */
const BEYOND_DEADLINE_MS = 5_000

/** Answers the failures; records that the store could not be asked about are among them, as untried. */
export type RunOnce<Record> = (
  batch: readonly Record[],
  run: (record: Record, granted: Granted) => unknown,
  parts: OnceParts,
) => Promise<readonly BatchItemFailure[]>

/** Checks the options once. Throws a TypeError. */
export const runOnce = <Record extends Runnable>(guarded: Guarded<Record>): RunOnce<Record> => {
  const { where, key, validate = true, store: own, payload } = guarded
  const policy = policyOf(where, guarded)
  const read = typeof key === 'function' ? key : pathReader<Record>(where, key)
  const owner = ownerToText(thisProcess())
  return async (batch, run, { concurrency, context, consumer }) => {
    const offered = offeredBy(context)
    const store = own ?? offered?.store
    if (!store)
      throw new TypeError(`${where}: store must be given where no host offers one, as in a test or on AWS Lambda`)
    const clock: Clock = offered?.clock ?? systemClock
    const leftMs = context.getRemainingTimeInMillis?.()
    try {
      const guard = await guardBatch(batch, {
        store,
        consumer: offered?.consumer ?? consumer,
        owner,
        clock,
        ...policy,
        leaseMs: guarded.lease === undefined && leftMs !== undefined ? leftMs + BEYOND_DEADLINE_MS : policy.leaseMs,
        key: read,
        payload: validate === true ? payload : validate === false ? undefined : validate,
      })
      if (!offered?.replayed) return await runAll(batch, guard, run, { concurrency, context })
      const ran: { id: string; time: number }[] = []
      const runNoted: typeof run = (record, granted) => {
        ran.push({ id: record.id, time: guarded.time(record) ?? clock.now() })
        return run(record, granted)
      }
      const failures = await runAll(batch, guard, runNoted, { concurrency, context })
      const { log = silentLog } = context
      warnOfAge(ran, { consumer: offered.consumer, ttlMs: policy.ttlMs, now: clock.now(), log })
      return failures
    } catch (thrown) {
      if ((thrown as { code?: unknown }).code !== 'IDEMPOTENCY_STORE_FAILED') throw thrown
      return batch.map((record, index) => failureOf(record, thrown, index))
    }
  }
}

/** A path is taken for records that have what it may name, as the types see to. */
const pathReader = <Record>(where: string, path: string): ((record: Record) => unknown) => {
  const read = readerOf(`${where}: key`, path)
  return record => read(record as Parameters<typeof read>[0] & Record)
}

const runAll = async <Record extends Runnable>(
  batch: readonly Record[],
  guard: Awaited<ReturnType<typeof guardBatch<Record>>>,
  run: (record: Record, granted: Granted) => unknown,
  { concurrency, context }: Pick<OnceParts, 'concurrency' | 'context'>,
): Promise<readonly BatchItemFailure[]> => {
  let failures: readonly BatchItemFailure[] = []
  let problems: ReadonlyMap<Record, Error>
  try {
    failures = await runRecords(batch, record => guard.run(record, granted => run(record, granted)), {
      concurrency,
      context,
      togetherBy: guard.keyOf,
    })
  } finally {
    problems = await guard.finish()
  }
  if (problems.size === 0) return failures
  return [
    ...failures,
    ...[...problems].map(([record, problem], index) => failureOf(record, problem, failures.length + index)),
  ]
}
