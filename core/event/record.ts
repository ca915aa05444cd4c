/** A batch as a function sees it, and the records that it never sees because their bodies were refused. */
import type { InvokedRecord, RefusedRecord } from '../engine/contract.ts'
import type { Batch, FunctionRecord } from '../function/record.ts'
import type { Decode, Decoded } from './decode.ts'
import type { ReadText } from './text.ts'

export interface DecodedBatch {
  readonly batch: Batch
  readonly refused: readonly RefusedRecord[]
}

/** A promise only where the codec or the schema needs one; the order of the records is kept either way. */
export const decodeBatch = (
  records: readonly InvokedRecord[],
  decode: Decode,
  readText: ReadText,
): DecodedBatch | Promise<DecodedBatch> => {
  const verdicts: (Decoded | Promise<Decoded>)[] = []
  let pending = 0
  for (const { record } of records) {
    const decoded = decode(record.body, readText)
    if (decoded instanceof Promise) pending += 1
    verdicts.push(decoded)
  }
  return pending === 0
    ? assemble(records, verdicts as Decoded[])
    : Promise.all(verdicts).then(settled => assemble(records, settled))
}

const NONE: readonly RefusedRecord[] = Object.freeze([])

const assemble = (records: readonly InvokedRecord[], verdicts: readonly Decoded[]): DecodedBatch => {
  const batch: FunctionRecord[] = []
  let refused: RefusedRecord[] | undefined
  for (let index = 0; index < records.length; index += 1) {
    const invoked = records[index] as InvokedRecord
    const decoded = verdicts[index] as Decoded
    if (decoded.verdict) {
      refused ??= []
      refused.push({ id: invoked.record.id, verdict: decoded.verdict, error: decoded.error })
    } else batch.push(functionRecord(invoked, decoded.data))
  }
  return { batch, refused: refused ?? NONE }
}

const functionRecord = (invoked: InvokedRecord, data: unknown): FunctionRecord => {
  const { record } = invoked
  const seen: { -readonly [Field in keyof FunctionRecord]: FunctionRecord[Field] } = {
    id: record.id,
    source: record.source,
    time: record.time,
    key: record.key,
    headers: record.headers,
    body: record.body,
    data,
    attempt: invoked.attempt,
    idempotencyKey: invoked.idempotencyKey,
    fence: invoked.fence,
  }
  if (record.properties !== undefined) seen.properties = record.properties
  if (record.position !== undefined) seen.position = record.position
  return seen
}
