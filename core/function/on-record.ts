/** A handler that takes one record at a time: a throw fails that record and no other. */
import type { Granted } from '../idempotency/batch.ts'
import { type Answer, type BatchItemFailure, plainAnswer } from './answer.ts'
import type { FunctionContext } from './context.ts'
import { type Channels, type DataOfAny, type Handler, markHandler } from './handler.ts'
import { type BatchIdempotency, runOnce } from './once.ts'
import type { FunctionRecord } from './record.ts'
import { RecordContext } from './record-context.ts'
import { checkConcurrency, runRecords } from './run-records.ts'

export interface OnRecordOptions<Data = unknown> {
  /** Records of a batch that may be under way at once, 1 or more. Default: 1. Records of one key keep their order. */
  readonly concurrency?: number
  /** Each record runs once for its key, however often it comes (docs/idempotency.md). */
  readonly idempotency?: BatchIdempotency<FunctionRecord<Data>>
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
  options: OnRecordOptions<DataOfAny<C>> = {},
): Handler<DataOfAny<C>> => {
  const { concurrency = 1, idempotency } = options
  checkConcurrency('onRecord', concurrency)
  if (!idempotency)
    return markHandler<DataOfAny<C>>(channels, async (batch, context) =>
      answerOf(await runRecords(batch, record => handle(record, context), { concurrency, context })),
    )
  const run = runOnce<FunctionRecord<DataOfAny<C>>>({
    ...idempotency,
    where: 'onRecord: idempotency',
    payload: record => record.data,
    time: record => record.time,
  })
  return markHandler<DataOfAny<C>>(channels, async (batch, context) => {
    const consumer = `${context.functionName}.${context.mapping}`
    const handleGranted = (record: FunctionRecord<DataOfAny<C>>, granted: Granted): unknown => {
      const { key: idempotencyKey, fence } = granted
      return handle({ ...record, idempotencyKey, fence }, new RecordContext(context, granted))
    }
    return answerOf(await run(batch, handleGranted, { concurrency, context, consumer }))
  })
}

const answerOf = (failures: readonly BatchItemFailure[]): Answer =>
  failures.length === 0 ? undefined : plainAnswer(failures)
