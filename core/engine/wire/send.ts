/** `context.send` over the border: encoded records one way, nothing or an error the other. */
import type { OutgoingRecord } from '../../contract.ts'
import { ERROR_CODES, type ErrorCode, errorInfo, MillraceError } from '../../errors.ts'
import { valueFromJson, valueToJson } from '../../values.ts'
import { bodyReader, lengthOf } from './bodies.ts'

type Json = ReturnType<typeof valueToJson>

interface SendHeader {
  readonly address: string
  readonly lengths: readonly number[]
  /** Everything but the body. */
  readonly records: readonly Json[]
}

export const encodeSend = (
  address: string,
  records: readonly OutgoingRecord[],
): { header: string; bodies: Uint8Array[] } => {
  const header: SendHeader = {
    address,
    lengths: records.map(record => lengthOf(record.body)),
    records: records.map(({ body: _, ...rest }) => valueToJson(rest as Parameters<typeof valueToJson>[0])),
  }
  return { header: JSON.stringify(header), bodies: records.flatMap(({ body }) => (body === null ? [] : [body])) }
}

/** The inverse, in the host. Throws when the frame is not one that {@link encodeSend} made. */
export const decodeSend = (headerText: string, region: Buffer): { address: string; records: OutgoingRecord[] } => {
  const header = JSON.parse(headerText) as SendHeader
  const nextBody = bodyReader(region)
  const records = header.records.map((json, index) => ({
    ...(valueFromJson(json) as Omit<OutgoingRecord, 'body'>),
    body: nextBody(header.lengths[index] ?? 0),
  }))
  return { address: String(header.address), records }
}

/** The header of the reply; the empty string: every record was confirmed. */
export const encodeSendError = (thrown: unknown): string => {
  const { code, message } = errorInfo(thrown)
  return JSON.stringify({ code: code !== undefined && code in ERROR_CODES ? code : 'SEND_FAILED', message })
}

export const decodeSendError = (header: string): MillraceError | undefined => {
  if (header === '') return undefined
  const { code, message } = JSON.parse(header) as { code: ErrorCode; message: string }
  return new MillraceError(code, message)
}
