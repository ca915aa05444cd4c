/**
 * CloudEvents over HTTP, in each of their modes, as what is sent on: the data is the body, attributes are headers `ce_…`.
 *
 *   binary      attributes in headers `ce-…`, percent-encoded; the body is the data
 *   structured  application/cloudevents+json: one event
 *   batch       application/cloudevents-batch+json: a list of them, a record each
 */
import type { Header } from '../../core/contract.ts'

/** An event on its way out. */
export interface ReceivedEvent {
  /** Source and id together, which name an event for ever. */
  readonly id: string
  /** Its `partitionkey`, where it has one. */
  readonly key: string | null
  readonly headers: readonly Header[]
  readonly body: Uint8Array
}

export type ReadEvents = { readonly events: readonly ReceivedEvent[] } | { readonly problem: string }

type Attributes = Readonly<Record<string, unknown>>

const BATCH = /^\s*application\/cloudevents-batch\+json\s*(?:;|$)/i
const STRUCTURED = /^\s*application\/cloudevents\+json\s*(?:;|$)/i
const ANY = /^\s*application\/cloudevents/i
/** In one request; beyond it a broker would be asked for more at once than it may take. */
const MAX_EVENTS = 1_000
const BINARY_PREFIX = 'ce-'
const NAME = /^[a-z0-9]{1,64}$/

/** Undefined for a request that is no CloudEvent. `headers`: names in lower case. */
export const cloudEventsIn = (headers: readonly Header[], body: Uint8Array): ReadEvents | undefined => {
  const contentType = textOf(headers, 'content-type')
  if (BATCH.test(contentType)) return batch(body)
  if (STRUCTURED.test(contentType)) return all([parsed(body)])
  if (ANY.test(contentType))
    return { problem: `of CloudEvents, application/cloudevents+json and -batch+json are read, not ${contentType}` }
  return headers.some(([name]) => name === 'ce-specversion') ? binary(headers, contentType, body) : undefined
}

const textOf = (headers: readonly Header[], wanted: string): string => {
  const value = headers.find(([name]) => name === wanted)?.[1]
  return typeof value === 'string' ? value : ''
}

const batch = (body: Uint8Array): ReadEvents => {
  const list = parsed(body)
  if (!Array.isArray(list)) return { problem: 'a batch of CloudEvents is a JSON list' }
  if (list.length > MAX_EVENTS) return { problem: `a batch may have ${MAX_EVENTS} events, got ${list.length}` }
  return all(list)
}

/** Undefined for what is no JSON. */
const parsed = (body: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
}

const all = (items: readonly unknown[]): ReadEvents => {
  const events: ReceivedEvent[] = []
  for (const [index, item] of items.entries()) {
    const read = structured(item)
    if (typeof read === 'string') return { problem: items.length === 1 ? read : `[${index}]: ${read}` }
    events.push(read)
  }
  return { events }
}

const structured = (item: unknown): ReceivedEvent | string => {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return 'a CloudEvent is a JSON object'
  const { data, data_base64: base64, ...attributes } = item as Attributes
  if (base64 !== undefined && (typeof base64 !== 'string' || data !== undefined))
    return 'data_base64 must be a text, and data left out'
  const contentType = attributes.datacontenttype ?? 'application/json'
  if (typeof contentType !== 'string') return 'datacontenttype must be a text'
  if (typeof base64 === 'string') return event(attributes, contentType, Buffer.from(base64, 'base64'))
  const isText = typeof data === 'string' && !/[/+]json\s*(?:;|$)/i.test(contentType)
  const text = data === undefined ? '' : isText ? data : JSON.stringify(data)
  return event(attributes, contentType, Buffer.from(text))
}

const binary = (headers: readonly Header[], contentType: string, body: Uint8Array): ReadEvents => {
  const attributes: Record<string, unknown> = Object.create(null)
  for (const [name, value] of headers)
    if (name.startsWith(BINARY_PREFIX)) attributes[name.slice(BINARY_PREFIX.length)] = decoded(String(value))
  const read = event(attributes, contentType, body)
  return typeof read === 'string' ? { problem: read } : { events: [read] }
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const REQUIRED = ['id', 'source', 'type'] as const

/** What is wrong with it, as a text. */
const event = (attributes: Attributes, contentType: string, body: Uint8Array): ReceivedEvent | string => {
  if (attributes.specversion !== '1.0')
    return `specversion must be "1.0", got ${JSON.stringify(attributes.specversion)}`
  const missing = REQUIRED.find(name => typeof attributes[name] !== 'string' || attributes[name] === '')
  if (missing !== undefined) return `${missing} is missing, which every CloudEvent has as text`
  const headers: Header[] = contentType === '' ? [] : [['content-type', contentType]]
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'datacontenttype' || value === null) continue
    if (!NAME.test(name)) return `${JSON.stringify(name)} is no name of an attribute: lower-case letters and digits`
    if (typeof value === 'object') return `${name} must be a text, a number, true or false`
    headers.push([`ce_${name}`, String(value)])
  }
  const { partitionkey: key } = attributes
  return { id: `${attributes.source}#${attributes.id}`, key: typeof key === 'string' ? key : null, headers, body }
}
