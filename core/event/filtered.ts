/** A mapping's filter over whole records: any of its patterns has to match. */
import type { AnyChannel } from '../config/channel.ts'
import type { EventRecord, HeaderValue } from '../contract.ts'
import type { Filter } from '../filter/filter.ts'
import type { FilterVerdict, RecordFilter } from '../flow/filter.ts'
import { headerText, isoTime, keyAsText } from './bytes.ts'
import { type Decoded, decoderOf } from './decode.ts'
import { checkedText } from './text.ts'

/** The body is read with the channel's codec, and only where a pattern asks for `data`. The schema is the function's. */
export const recordFilter = (
  channel: Pick<AnyChannel, 'address' | 'codec'>,
  filters: readonly Filter[],
): RecordFilter => {
  const needsData = filters.some(({ fields }) => fields.has('data'))
  const decode = decoderOf({ ...channel, schema: undefined })
  const judge = (record: EventRecord, decoded: Decoded): FilterVerdict => {
    if (decoded.verdict) return { error: decoded.error }
    const event = filterEvent(record, decoded.data)
    return filters.some(filter => filter.matches(event)) ? 'matches' : 'filtered'
  }
  if (!needsData) return record => judge(record, { data: undefined })
  return record => {
    const decoded = decode(record.body, checkedText)
    return decoded instanceof Promise ? decoded.then(done => judge(record, done)) : judge(record, decoded)
  }
}

/** What a pattern is laid over; a header has a list of its values, since its name may be repeated. */
const filterEvent = (record: EventRecord, data: unknown): object => ({
  data,
  id: record.id,
  source: record.source,
  time: isoTime(record.time),
  key: keyAsText(record.key) ?? null,
  headers: headersOf(record.headers),
  properties: record.properties && Object.fromEntries(Object.entries(record.properties).map(namedValue)),
  position: record.position,
})

const headersOf = (headers: EventRecord['headers']): object => {
  if (headers.length === 0) return NO_HEADERS
  const values: Record<string, unknown[]> = Object.create(null)
  for (const [name, value] of headers) {
    const known = values[name]
    if (known) known.push(plain(value))
    else values[name] = [plain(value)]
  }
  return values
}

const NO_HEADERS = {}

const namedValue = ([name, value]: readonly [string, HeaderValue]): readonly [string, unknown] => [name, plain(value)]

/** Numbers and truth stay what they are; all else is text. */
const plain = (value: HeaderValue): unknown =>
  value === null || typeof value === 'number' || typeof value === 'boolean' ? value : headerText(value)
