/**
 * A record as a CloudEvent 1.0 in binary mode, which alone leaves any bytes as they are: attributes are headers `ce-…`, the
 * body is the data (CloudEvents HTTP binding 1.0.2, section 3.1). Pure.
 */
import type { HeaderValue, OutgoingRecord } from '../../core/contract.ts'

export interface EventAttributes {
  readonly id: string
  readonly type: string
  readonly source: string
  /** Milliseconds since the epoch. */
  readonly time: number
  /** Of the body, where no header of the record says it. */
  readonly contentType: string
}

/** As a door of ours writes the attributes of a CloudEvent that came in. */
const ATTRIBUTE_PREFIX = 'ce_'
const ATTRIBUTE_NAME = /^[a-z0-9]{1,64}$/
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/
/** What belongs to the connection, or is said otherwise. */
const NOT_SENT = /^(?:connection|content-length|expect|host|keep-alive|te|trailer|transfer-encoding|upgrade|ce-.*)$/i

/** What was an attribute of the event that a record came as is one again, unless the channel says it. */
export const eventHeaders = (
  record: OutgoingRecord,
  { id, type, source, time, contentType }: EventAttributes,
): ReadonlyMap<string, string> => {
  const headers = new Map<string, string>()
  if (record.body !== null) headers.set('content-type', contentType)
  for (const [name, value] of record.headers ?? []) {
    const attribute = name.startsWith(ATTRIBUTE_PREFIX) ? name.slice(ATTRIBUTE_PREFIX.length) : undefined
    if (attribute !== undefined && ATTRIBUTE_NAME.test(attribute)) headers.set(`ce-${attribute}`, encoded(value))
    else if (HEADER_NAME.test(name) && !NOT_SENT.test(name)) headers.set(name.toLowerCase(), encoded(value))
  }
  if (record.key !== null && record.key !== undefined) headers.set('ce-partitionkey', encoded(record.key))
  const attributes = { specversion: '1.0', id, type, source, time: new Date(time).toISOString() }
  for (const [name, value] of Object.entries(attributes)) headers.set(`ce-${name}`, encoded(value))
  return headers
}

/** The attribute of the event that a record came as. */
export const attributeOf = ({ headers = [] }: OutgoingRecord, name: string): string | undefined => {
  const value = headers.find(([header]) => header === ATTRIBUTE_PREFIX + name)?.[1]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Section 3.1.3.2 of the binding: what is no visible ASCII, and the space, `"` and `%`, is percent-encoded UTF-8. */
const encoded = (value: HeaderValue): string =>
  textOf(value).replaceAll(/[^\x21\x23\x24\x26-\x7e]/gu, found =>
    [...Buffer.from(found.isWellFormed() ? found : '\ufffd')]
      .map(byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  )

const textOf = (value: HeaderValue): string => {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
