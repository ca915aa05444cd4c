/** Batches that no mapping decodes: those of AWS's events, of a queue read by hand, of onBatch. */
import type { Granted } from '../idempotency/batch.ts'
import type { IdempotencyContext } from '../idempotency/idempotent.ts'
import type { IdempotencyKey } from '../idempotency/key.ts'
import { readerOf } from '../idempotency/path.ts'
import { checkName } from '../idempotency/policy.ts'
import type { BatchAnswer } from './answer.ts'
import type { FunctionContext } from './context.ts'
import { type BatchIdempotency, type Guarded, type OnceParts, runOnce } from './once.ts'
import { GrantedContext } from './record-context.ts'
import { checkConcurrency, runRecords } from './run-records.ts'

export interface ProcessOptions<Record> {
  /** What names a record in the answer. Default: its `id`, `messageId` or `itemIdentifier`. */
  readonly id?: (record: Record) => string
  /** Records under way at once, 1 or more. Default: 1. Those of one key keep their order. */
  readonly concurrency?: number
  /** What keeps its order after a failure. Default: that of `context`, else `none`. */
  readonly order?: 'lane' | 'key' | 'none'
  /** What `order: 'key'` goes by. Default: the record's `key`. */
  readonly orderKey?: (record: Record) => string | null
  /** The context of the invocation: its signal, its deadline and the app's store count then. */
  readonly context?: FunctionContext
  /** No record begins once it is aborted. Default: that of `context`. */
  readonly signal?: AbortSignal
}

export interface ProcessOnceOptions<Record> extends ProcessOptions<Record> {
  /** Each record runs once for its key, however often it comes. */
  readonly idempotency: BatchIdempotency<Record> & {
    /** Who processes, where no `context` of Millrace says it: keys of different names know nothing of each other. */
    readonly name?: string
  }
}

interface ProcessBatch {
  <Record extends object>(
    batch: readonly Record[],
    handle: (record: Record, context: IdempotencyContext) => unknown,
    options: ProcessOnceOptions<NoInfer<Record>>,
  ): Promise<BatchAnswer>
  <Record extends object>(
    batch: readonly Record[],
    handle: (record: Record, context: Pick<IdempotencyContext, 'signal'>) => unknown,
    options?: ProcessOptions<NoInfer<Record>> & { readonly idempotency?: undefined },
  ): Promise<BatchAnswer>
}

type AnyOptions<Record> = ProcessOptions<Record> & {
  readonly idempotency?: ProcessOnceOptions<Record>['idempotency'] | undefined
}

interface Item<Record> {
  readonly id: string
  readonly key: string | null
  readonly record: Record
}

const NEVER = new AbortController().signal

/**
 * Calls `handle` for each record and answers with those it threw for, as `batchItemFailures`. With `idempotency` all keys
 * are claimed in one round trip and told in another; a record that is processed elsewhere, or that the store could not be
 * asked about, is among the failures.
 */
export const processBatch: ProcessBatch = async <Record extends object>(
  batch: readonly Record[],
  handle: (record: Record, context: IdempotencyContext) => unknown,
  options: AnyOptions<Record> = {},
): Promise<BatchAnswer> => {
  const { concurrency = 1, idempotency, id = idOf, orderKey = keyOf } = options
  checkConcurrency('processBatch', concurrency)
  const context: OnceParts['context'] = Object.create(options.context ?? null, {
    order: { value: options.order ?? options.context?.order ?? 'none' },
    signal: { value: options.signal ?? options.context?.signal ?? NEVER },
  })
  const items = batch.map((record): Item<Record> => ({ id: id(record), key: orderKey(record), record }))
  const run = ({ record }: Item<Record>, granted: Granted): unknown =>
    handle(record, new GrantedContext(context, granted))
  const batchItemFailures = idempotency
    ? await runOnce(guardedOf(idempotency))(items, run, { concurrency, context, consumer: consumerOf(options) })
    : await runRecords(items, item => run(item, UNCLAIMED), { concurrency, context })
  return { batchItemFailures }
}

const UNCLAIMED: Granted = { key: '', fence: 0, signal: undefined }

const guardedOf = <Record>({ key, validate, ...rest }: BatchIdempotency<Record>): Guarded<Item<Record>> => ({
  ...rest,
  where: 'processBatch: idempotency',
  key: typeof key === 'function' ? ({ record }) => key(record) : pathInside(key),
  validate: typeof validate === 'function' ? ({ record }) => validate(record) : (validate ?? true),
  payload: ({ record }) => payloadOf(record),
  time: ({ record }) => timeOf(record),
})

const pathInside = (path: string): ((item: Item<unknown>) => IdempotencyKey) => {
  const read = readerOf('processBatch: idempotency.key', path)
  return ({ record }) => read(record as Parameters<typeof read>[0]) as IdempotencyKey
}

const consumerOf = <Record>({ context, idempotency }: AnyOptions<Record>): string => {
  if (idempotency?.name !== undefined) {
    checkName('processBatch: idempotency', idempotency.name)
    return idempotency.name
  }
  if (context) return `${context.functionName}.${context.mapping}`
  throw new TypeError('processBatch: idempotency.name must be given where there is no context of Millrace')
}

/** What a record is about, without what is told of its delivery: that differs each time. */
const payloadOf = (record: unknown): unknown => {
  for (const name of ['data', 'body', 'value'])
    if (Object.hasOwn(record as object, name)) return Reflect.get(record as object, name)
  return record
}

const timeOf = (record: unknown): number | undefined => {
  const time: unknown = Reflect.get(record as object, 'time')
  return typeof time === 'number' ? time : undefined
}

const idOf = (record: object): string => {
  for (const name of ['id', 'messageId', 'itemIdentifier']) {
    const id: unknown = Reflect.get(record, name)
    if (typeof id === 'string' && id !== '') return id
  }
  throw new TypeError(
    'processBatch: a record has no id, messageId or itemIdentifier; say with the option id what names it',
  )
}

const keyOf = (record: object): string | null => {
  const key: unknown = Reflect.get(record, 'key')
  return typeof key === 'string' ? key : key instanceof Uint8Array ? Buffer.from(key).toString('base64') : null
}
