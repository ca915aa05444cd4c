/**
 * A batch in Millrace's own form as JSON, for functions that are no module of Node: a list of records.
 *
 *   { id, source, time, key, headers, properties?, position?, attempt, idempotencyKey, fence, data | body }
 *
 * `data` is the decoded body of a channel whose codec is `json` or `text`, and JSON stands there as it came, so that no
 * number loses a digit. `body` is base64, where the codec is `bytes` or one of the channel's own; null for a tombstone.
 */
import type { EventRecord } from '../contract.ts'
import type { CodecName, InvokedRecord, RefusedRecord } from '../engine/contract.ts'
import { valueToJson } from '../values.ts'
import { namedDecoder } from './decode.ts'
import { checkedText } from './text.ts'

export interface OwnJson {
  /** Undefined when every record was refused: then the function is not called. */
  readonly text: string | undefined
  readonly refused: readonly RefusedRecord[]
}

/** Bodies that are not what the codec says are refused. */
export const ownJson = (records: readonly InvokedRecord[], codec: CodecName): OwnJson => {
  const refused: RefusedRecord[] = []
  const items: string[] = []
  for (const invoked of records) {
    const { record } = invoked
    const member = bodyMember(record, codec)
    if (typeof member === 'string') items.push(`${fields(invoked).slice(0, -1)},${member}}`)
    else refused.push(member)
  }
  return { text: items.length === 0 && refused.length > 0 ? undefined : `[${items.join(',')}]`, refused }
}

const bodyMember = ({ id, source, body }: EventRecord, codec: CodecName): string | RefusedRecord => {
  if (codec === 'bytes' || codec === 'custom') return `"body":${JSON.stringify(body && base64(body))}`
  if (body === null) return '"data":null'
  const decoded = namedDecoder(source, codec)(body, checkedText)
  if (decoded instanceof Promise) throw new TypeError(`the codec ${codec} answered with a promise`)
  if (decoded.verdict) return { id, verdict: decoded.verdict, error: decoded.error }
  return `"data":${codec === 'json' ? checkedText(body) : JSON.stringify(decoded.data)}`
}

const fields = ({ record, attempt, idempotencyKey, fence }: InvokedRecord): string =>
  JSON.stringify({
    id: record.id,
    source: record.source,
    time: record.time,
    key: valueToJson(record.key),
    headers: record.headers.map(([name, value]) => [name, valueToJson(value)]),
    ...(record.properties === undefined ? {} : { properties: valueToJson(record.properties) }),
    ...(record.position === undefined ? {} : { position: record.position }),
    attempt,
    idempotencyKey,
    fence,
  })

const base64 = (body: Uint8Array): string =>
  Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64')
